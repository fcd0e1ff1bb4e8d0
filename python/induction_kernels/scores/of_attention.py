"""Scores of attention as data: which cells of which probe each one averages, and reading them.

A[q, k] is the pattern after the softmax, S[q, k] the scores before it, P the period. Definitions
and sources: Olsson et al. 2022 ("In-context Learning and Induction Heads"), Wang et al. 2022
("Interpretability in the Wild"), Gu et al. 2024 ("When Attention Sink Emerges"), and
TransformerLens' demos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from induction_kernels.attention import readout
from induction_kernels.attention.cells import Path, read_cells
from induction_kernels.attention.hooked import only_patterns
from induction_kernels.attention.readout import Of, Reading, Readout, RowEntropy
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.inputs.bigrams import Bigrams, too_small
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.inputs.texts import TextProbe, Texts
from induction_kernels.models.model import Model
from induction_kernels.scores.score import YOURS, Facts, Range, Score
from induction_kernels.scores.weighing import By, weighing, without_values

#: What a score is measured on.
Probe = RepeatedTokens | TextProbe | Bigrams

#: Attention that others are taken to get at the least, where a score is divided by it.
LEAST = 1e-8

#: Rows and tokens of text: about as much as the repeated tokens.
_TEXT_ROWS, _TEXT_LENGTH = 4, 256


@dataclass(frozen=True, eq=False)
class GivenTexts:
    """Texts or token ids that a score brings along, as `TextProbe.of` takes them."""

    texts: Texts


@dataclass(frozen=True)
class On:
    """Which probe a score is measured on: scores with equal ones share it.

    Attributes:
        copies, period: of repeated tokens; 0 copies = text.
        given: that text; None for the default one.
    """

    copies: int = 2
    period: int = 50
    given: GivenTexts | None = None

    def make(self, model: Model, given: RepeatedTokens | None, seed: int) -> Probe:
        """The probe for this model.

        Args:
            given: a caller's own tokens, which stand for all but what scores bring along.

        Raises:
            ProbeError: text that the model cannot read, or a context too short to repeat in.
        """
        if self.given is not None:
            return TextProbe.of(model, self.given.texts)
        if self.copies:
            return given or RepeatedTokens.make(
                model, period=self.period, copies=self.copies, seed=seed
            )
        if given is not None:
            return TextProbe(given.tokens, "token ids of your own", packed=False)
        return TextProbe.default(model, rows=_TEXT_ROWS, longest=_TEXT_LENGTH)


@dataclass(frozen=True)
class OnBigrams:
    """`On` rows with one bigram each."""

    rows: int

    def make(self, model: Model, given: RepeatedTokens | None, seed: int) -> Bigrams:
        """The published rows for this model, whatever is given and seeded.

        Raises:
            ProbeError: a context or a vocabulary that is too small.
        """
        return Bigrams.make(model, rows=self.rows)


def probe_in_words(probe: Probe) -> str:
    if isinstance(probe, Bigrams):
        return (
            f"{len(probe.tokens)} rows of {probe.length} random tokens, the last of which, q, "
            f"stood once before, at i; seed {probe.seed}"
        )
    if isinstance(probe, TextProbe):
        rows, length = probe.tokens.shape
        return f"{rows} rows of {length} tokens: {probe.origin}"
    bos = "BOS + " if probe.lead else ""
    return (
        f"{bos}{probe.period} distinct random tokens × {probe.copies}, "
        f"{len(probe.tokens)} rows, seed {probe.seed}"
    )


@dataclass(frozen=True, kw_only=True)
class AttentionScore(Score):
    """A mean over cells of the attention to a probe.

    Attributes:
        cells: the probe's structure to what is read of the pattern.
        reads: the pattern A, the scores S before the softmax, or A times the size of the values.
        range: smallest and largest possible value; None = unbounded.
        copies, period: of the repeated tokens it is measured on; 0 copies = on text.
        given: text that it brings along.
        detects: TransformerLens' detect_head, "mul" or "abs"; its values end at a ceiling.
        against: cells by whose mean it is divided, or by `LEAST` where that is less.
        bigrams: rows of `Bigrams`, where it is measured on these instead.
    """

    cells: Callable[[Any], Readout | RowEntropy]
    reads: Of = "pattern"
    range: Range = (0.0, 1.0)
    copies: int = 2
    period: int = 50
    given: GivenTexts | None = None
    detects: Literal["mul", "abs"] | None = None
    against: Callable[[Any], Readout] | None = None
    bigrams: int | None = None

    @property
    def on(self) -> On | OnBigrams:
        if self.bigrams is not None:
            return OnBigrams(self.bigrams)
        return On(self.copies, self.period, self.given)

    @property
    def group(self) -> str:
        if self.own:
            return YOURS
        if self.detects is not None:
            return "TransformerLens' detect_head"
        if self.on_text:
            return "Attention on text"
        if self.bigrams is not None:
            return "Selectivity, on random tokens"
        return f"{_READ[self.reads]}, on repeated tokens"

    @property
    def weighed(self) -> By | None:
        """By what; None where attention is read as it is."""
        return self.reads if self.reads in ("value", "output") else None

    @property
    def on_text(self) -> bool:
        return self.copies == 0

    def left_out(self, model: Model, text_given: bool) -> str | None:
        reads_text = self.on_text and self.given is None
        if reads_text and not text_given and model.tokenizer is None:
            return f"{model.name} has no tokenizer, so text cannot be read."
        if self.bigrams is not None and (why_not := too_small(model)) is not None:
            return why_not
        return only_patterns(model) if self.reads == "scores" else None

    def chance(self, probe: Probe) -> float | None:
        """What attention spread evenly over the past scores, where values are of one size; None
        before the softmax."""
        if self.reads == "scores":
            return None
        uniform = torch.tensor(self.cells(probe).uniform())
        others = None if self.against is None else torch.tensor(self.against(probe).uniform())
        return float(self.of_cells(uniform, probe, others))

    def range_on(self, probe: Probe) -> Range:
        """The range, with the ceiling that this probe sets to detect_head."""
        if self.detects is None:
            return self.range
        ceiling = self._share_of_rows(probe)
        return (0.0, ceiling) if self.detects == "mul" else (-ceiling, ceiling)

    def of_cells(self, mean: Tensor, probe: Probe, others: Tensor | None = None) -> Tensor:
        """The score, from the mean of its cells and of the others that it is divided by.

        |A - D| adds up to 1 + (number of cells) - 2 Σ A over the cells in every row that has some,
        so detect_head's "abs" needs no more of the pattern than "mul" does.
        """
        if others is not None:
            return mean / others.clamp(min=LEAST)
        return 2 * mean - self._share_of_rows(probe) if self.detects == "abs" else mean

    def _share_of_rows(self, probe: Probe) -> float:
        readout = self.cells(probe)
        return len(readout.queries) / readout.queries_in(1)


_READ: Mapping[Of, str] = {
    "pattern": "Attention",
    "scores": "Logits before the softmax",
    "value": "Attention × size of the value",
    "output": "Attention × size of the output",
}


def _length(probe: Probe) -> int:
    return probe.tokens.shape[1]


_PREVIOUS = AttentionScore(
    name="previous_token",
    title="Previous token",
    formula="mean over q ≥ 1 of A[q, q−1]",
    meaning="How much a head looks at the token just before. The first half of an induction "
    "circuit.",
    source="Olsson et al. 2022; TransformerLens demos",
    cells=lambda probe: readout.previous_token(_length(probe)),
)
_DUPLICATE = AttentionScore(
    name="duplicate_token",
    title="Duplicate token",
    formula="mean over q in the second copy of A[q, q−P]",
    meaning="How much a head looks at the earlier occurrence of the same token.",
    source="Wang et al. 2022; TransformerLens demos",
    cells=lambda probe: readout.duplicate_token(probe.period, probe.lead),
)
_INDUCTION = AttentionScore(
    name="induction",
    title="Induction",
    formula="mean over q in the second copy of A[q, q−P+1]",
    meaning="How much a head looks at the token that followed the current token last time.",
    source="TransformerLens Main Demo; Kissane 2023",
    cells=lambda probe: readout.induction(probe.period, probe.lead),
)
_PREFIX = AttentionScore(
    name="prefix_matching",
    title="Prefix matching",
    formula="mean over q in copies 2 to 4 of Σₖ A[q, q−kP+1]",
    meaning="Induction over several earlier copies: attention to all the tokens that followed the "
    "current token before.",
    source="Olsson et al. 2022",
    cells=lambda probe: readout.prefix_matching(probe.period, probe.copies, probe.lead),
    copies=4,
    period=25,
)
_FIRST = AttentionScore(
    name="first_token",
    title="First token",
    formula="mean over q ≥ 1 of A[q, 0]",
    meaning="How much a head rests on the first token, where attention goes when it has nothing "
    "to do (an attention sink).",
    source="Gu et al. 2024",
    cells=lambda probe: readout.first_token(_length(probe)),
)


def _before_softmax(score: AttentionScore) -> AttentionScore:
    return AttentionScore(
        name=f"{score.name}_logit",
        title=f"{score.title}, logit",
        formula=f"{score.formula.replace('A[', 'S[')}; cells that a window masks are left out",
        meaning=f"{score.meaning} Read before the softmax, where a head's scores are compared only "
        "with its own. A head whose window is too short to see any of the cells has none.",
        source="Kissane 2023, who reads hook_attn_scores",
        cells=score.cells,
        reads="scores",
        range=(None, None),
        copies=score.copies,
        period=score.period,
    )


_NATURAL = AttentionScore(
    name="natural_induction",
    title="Natural induction",
    formula="mean over q of Σ A[q, k], k < q right after an earlier copy of token q, where there "
    "is one",
    meaning="Induction on real text: attention to the tokens that followed the current token "
    "before, wherever it came before. Chance is attention to as many random earlier tokens.",
    source="HeadVis; Neuronpedia",
    cells=lambda probe: readout.natural_induction(probe.tokens),
    copies=0,
)
_ENTROPY = AttentionScore(
    name="entropy",
    title="Entropy",
    formula="mean over q ≥ 1 of −Σₖ A[q, k] ln A[q, k] / ln(q + 1)",
    meaning="How widely a head spreads its attention over real text: 0 on a single token, 1 evenly "
    "over all of the past.",
    source="row entropy as a share of the largest possible",
    cells=lambda probe: readout.entropy(_length(probe)),
    copies=0,
)


def _detected(score: AttentionScore, measure: Literal["mul", "abs"]) -> AttentionScore:
    """TransformerLens' detect_head: the same cells as a matrix D of 0 and 1, over all rows."""

    def cells(probe: Probe) -> Readout:
        chosen = score.cells(probe)
        assert isinstance(chosen, Readout)
        return replace(chosen, n_queries=_length(probe))

    formula = {"mul": "Σ A·D / Σ A", "abs": "1 − mean over q of Σₖ |A[q, k] − D[q, k]|"}[measure]
    return AttentionScore(
        name=f"{score.name}_detect_{measure}",
        title=f"{score.title}, detect_head {measure}",
        formula=f"{formula}, D = 1 on the cells of {score.name}",
        meaning=f"{score.meaning} As TransformerLens' detect_head has it, over all rows: a perfect "
        "head only gets to the ceiling.",
        source="TransformerLens head_detector",
        cells=cells,
        detects=measure,
        range=(None, None),
    )


def _weighed(score: AttentionScore, by: By) -> AttentionScore:
    size = {"value": "‖v_k‖", "output": "‖v_k W_O‖"}[by]
    return replace(
        score,
        name=f"{score.name}_by_{by}",
        title=f"{score.title} × {by}",
        formula=f"{score.formula} · {size} / max over k of {size}",
        meaning=f"{score.meaning} Each cell counts as much as the {by} of its key is large beside "
        "the head's largest in the row, so attention to tokens of which nothing is moved counts "
        "little. At most the score without; chance is where all are alike.",
        source=f"Kobayashi et al. 2020; {score.source}",
        reads=by,
        by_name_only=True,
    )


#: In the order a reader meets them.
ATTENTION_SCORES: tuple[AttentionScore, ...] = (
    _INDUCTION,
    _PREFIX,
    _PREVIOUS,
    _DUPLICATE,
    _FIRST,
    _NATURAL,
    _ENTROPY,
    *map(_before_softmax, (_INDUCTION, _PREVIOUS, _DUPLICATE)),
    *(_detected(s, "mul") for s in (_INDUCTION, _PREVIOUS, _DUPLICATE)),
    *(_detected(s, "abs") for s in (_INDUCTION, _PREVIOUS, _DUPLICATE)),
    *(_weighed(s, "value") for s in (_INDUCTION, _PREVIOUS, _DUPLICATE, _FIRST)),
    *(_weighed(s, "output") for s in (_INDUCTION, _PREVIOUS, _DUPLICATE, _FIRST)),
)

#: What scores of the weights weigh earlier heads by.
PREVIOUS_TOKEN_ON_TEXT = replace(_PREVIOUS, name="previous_token_on_text", copies=0)


class AttentionReader:
    """Scores bound to their probes, read together, one forward pass a probe.

    Raises:
        ProbeError: a score on text and a model without tokenizer.
    """

    def __init__(
        self,
        model: Model,
        scores: Iterable[AttentionScore],
        given: RepeatedTokens | None,
        seed: int,
    ) -> None:
        #: How the last model was read: "fused", or "hooked" where its attention does not fit.
        self.path: Path | None = None
        self._scores = {score.name: score for score in scores}
        self._probes: dict[On | OnBigrams, Probe] = {}
        self._readings: dict[On | OnBigrams, dict[str, Reading]] = {}
        others: dict[Any, Readout] = {}  # one for all that are divided by it: it is read once
        for score in self._scores.values():
            if score.on not in self._probes:
                self._probes[score.on] = score.on.make(model, given, seed)
            probe, readings = self._probes[score.on], self._readings.setdefault(score.on, {})
            readings[score.name] = Reading(score.cells(probe), score.reads)
            if score.against is not None:
                shared = others.setdefault((score.on, score.against), score.against(probe))
                readings[_others(score.name)] = Reading(shared, score.reads)

    def __call__(self, model: Model) -> dict[str, Float[Tensor, "layer head"]]:
        """One float32 [layer, head] on the CPU a score, by name."""
        return {name: values for found in self.by_steps(model) for name, values in found.items()}

    def by_steps(self, model: Model) -> Iterator[dict[str, Float[Tensor, "layer head"]]]:
        """The same, probe by probe."""
        for on, probe in self._probes.items():
            means, self.path = self._read(model, probe, self._readings[on])
            yield {
                name: self._scores[name].of_cells(mean, probe, means.get(_others(name)))
                for name, mean in means.items()
                if name in self._scores
            }

    def _read(
        self, model: Model, probe: Probe, readings: dict[str, Reading]
    ) -> tuple[dict[str, Float[Tensor, "layer head"]], Path]:
        scores = [self._scores[name] for name in readings if name in self._scores]
        by = {score.weighed for score in scores if score.weighed is not None}
        try:
            return read_cells(model, probe.tokens, readings, weighing(model, by))
        except DoesNotFitError as error:
            raise without_values(model, error) from error

    def probe_of(self, score: AttentionScore) -> Probe:
        return self._probes[score.on]

    def facts(self, score: AttentionScore) -> Facts:
        probe = self.probe_of(score)
        return Facts(
            score.range_on(probe),
            score.chance(probe),
            probe_in_words(probe),
            probe.provenance(),
        )


def _others(name: str) -> str:
    """What the cells are called by whose mean the score of this name is divided."""
    return f"{name}, others"
