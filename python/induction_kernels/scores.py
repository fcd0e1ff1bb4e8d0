"""Every score of a head as data, and `head_scores`, which reads them all off a model.

A[q, k] is the pattern after the softmax, S[q, k] the scores before it, P the period. Definitions
and sources: Olsson et al. 2022 ("In-context Learning and Induction Heads"), Wang et al. 2022
("Interpretability in the Wild"), Gu et al. 2024 ("When Attention Sink Emerges"), and
TransformerLens' demos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention import readout
from induction_kernels.attention.cells import Path, read_cells
from induction_kernels.attention.readout import Reading, Readout, RowEntropy
from induction_kernels.errors import InductionError, SelectionError
from induction_kernels.models import Model, as_model
from induction_kernels.probes import RepeatedTokens
from induction_kernels.texts import TextProbe

if TYPE_CHECKING:
    import xarray


#: What a score is measured on.
Probe = RepeatedTokens | TextProbe


@dataclass(frozen=True)
class Score:
    """One number a head.

    Attributes:
        cells: the probe's structure to what is read of the pattern.
        reads: the pattern A, or the scores S before the softmax.
        range: smallest and largest possible value; None = unbounded.
        copies, period: of the repeated tokens it is measured on; 0 copies = on text.
        detects: TransformerLens' detect_head, "mul" or "abs"; its values end at a ceiling.
    """

    name: str
    title: str
    formula: str
    meaning: str
    source: str
    cells: Callable[[Any], Readout | RowEntropy]
    reads: Literal["pattern", "scores"] = "pattern"
    range: tuple[float | None, float | None] = (0.0, 1.0)
    copies: int = 2
    period: int = 50
    detects: Literal["mul", "abs"] | None = None

    @property
    def on_text(self) -> bool:
        return self.copies == 0

    def chance(self, probe: Probe) -> float | None:
        """What attention spread evenly over the past scores; None before the softmax."""
        if self.reads == "scores":
            return None
        return float(self.of_cells(torch.tensor(self.cells(probe).uniform()), probe))

    def range_on(self, probe: Probe) -> tuple[float | None, float | None]:
        """The range, with the ceiling that this probe sets to detect_head."""
        if self.detects is None:
            return self.range
        ceiling = self._share_of_rows(probe)
        return (0.0, ceiling) if self.detects == "mul" else (-ceiling, ceiling)

    def of_cells(self, mean: Tensor, probe: Probe) -> Tensor:
        """The score, from the mean of its cells.

        |A - D| adds up to 1 + (number of cells) - 2 Σ A over the cells in every row that has some,
        so detect_head's "abs" needs no more of the pattern than "mul" does.
        """
        return 2 * mean - self._share_of_rows(probe) if self.detects == "abs" else mean

    def _share_of_rows(self, probe: Probe) -> float:
        readout = self.cells(probe)
        return len(readout.queries) / readout.queries_in(1)

    def probe_text(self, probe: Probe) -> str:
        if isinstance(probe, TextProbe):
            rows, length = probe.tokens.shape
            return f"{rows} rows of {length} tokens: {probe.origin}"
        bos = "BOS + " if probe.lead else ""
        return (
            f"{bos}{probe.period} distinct random tokens × {probe.copies}, "
            f"{len(probe.tokens)} rows, seed {probe.seed}"
        )


def _length(probe: Probe) -> int:
    return probe.tokens.shape[1]


_PREVIOUS = Score(
    name="previous_token",
    title="Previous token",
    formula="mean over q ≥ 1 of A[q, q−1]",
    meaning="How much a head looks at the token just before. The first half of an induction "
    "circuit.",
    source="Olsson et al. 2022; TransformerLens demos",
    cells=lambda probe: readout.previous_token(_length(probe)),
)
_DUPLICATE = Score(
    name="duplicate_token",
    title="Duplicate token",
    formula="mean over q in the second copy of A[q, q−P]",
    meaning="How much a head looks at the earlier occurrence of the same token.",
    source="Wang et al. 2022; TransformerLens demos",
    cells=lambda probe: readout.duplicate_token(probe.period, probe.lead),
)
_INDUCTION = Score(
    name="induction",
    title="Induction",
    formula="mean over q in the second copy of A[q, q−P+1]",
    meaning="How much a head looks at the token that followed the current token last time.",
    source="TransformerLens Main Demo; Kissane 2023",
    cells=lambda probe: readout.induction(probe.period, probe.lead),
)
_PREFIX = Score(
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
_FIRST = Score(
    name="first_token",
    title="First token",
    formula="mean over q ≥ 1 of A[q, 0]",
    meaning="How much a head rests on the first token, where attention goes when it has nothing "
    "to do (an attention sink).",
    source="Gu et al. 2024",
    cells=lambda probe: readout.first_token(_length(probe)),
)


def _before_softmax(score: Score) -> Score:
    return Score(
        name=f"{score.name}_logit",
        title=f"{score.title}, logit",
        formula=score.formula.replace("A[", "S["),
        meaning=f"{score.meaning} Read before the softmax, where a head's scores are compared only "
        "with its own.",
        source="Kissane 2023, who reads hook_attn_scores",
        cells=score.cells,
        reads="scores",
        range=(None, None),
        copies=score.copies,
        period=score.period,
    )


_NATURAL = Score(
    name="natural_induction",
    title="Natural induction",
    formula="mean over q with an earlier copy of token q of Σ A[q, k], k after such a copy",
    meaning="Induction on real text: attention to the tokens that followed the current token "
    "before, wherever it came before. Chance is attention to as many random earlier tokens.",
    source="HeadVis; Neuronpedia",
    cells=lambda probe: readout.natural_induction(probe.tokens),
    copies=0,
)
_ENTROPY = Score(
    name="entropy",
    title="Entropy",
    formula="mean over q ≥ 1 of −Σₖ A[q, k] ln A[q, k] / ln(q + 1)",
    meaning="How widely a head spreads its attention over real text: 0 on a single token, 1 evenly "
    "over all of the past.",
    source="row entropy as a share of the largest possible",
    cells=lambda probe: readout.entropy(_length(probe)),
    copies=0,
)


def _detected(score: Score, measure: Literal["mul", "abs"]) -> Score:
    """TransformerLens' detect_head: the same cells as a matrix D of 0 and 1, over all rows."""

    def cells(probe: Probe) -> Readout:
        found = score.cells(probe)
        assert isinstance(found, Readout)
        return replace(found, n_queries=_length(probe))

    formula = {"mul": "Σ A·D / Σ A", "abs": "1 − mean over q of Σₖ |A[q, k] − D[q, k]|"}[measure]
    return Score(
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


#: Every score by name, in the order a reader meets them.
SCORES: Mapping[str, Score] = {
    score.name: score
    for score in (
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
    )
}


def check_scores(names: Iterable[str] | str | None, model: Model | None = None) -> list[Score]:
    """The scores of these names; for None all, or all that can be measured on `model`.

    Raises:
        SelectionError: a name that is no score, or no name at all.
    """
    if names is None:
        reads_text = model is None or model.tokenizer is not None
        return [score for score in SCORES.values() if reads_text or not score.on_text]
    wanted = [names] if isinstance(names, str) else list(names)
    unknown = [name for name in wanted if name not in SCORES]
    if unknown or not wanted:
        raise SelectionError(
            f"There is no score {unknown[0]!r}." if unknown else "No score was asked for.",
            f"Scores: {', '.join(SCORES)}.",
        )
    return [SCORES[name] for name in dict.fromkeys(wanted)]


#: Rows and tokens of text: about as much as the repeated tokens.
_TEXT_ROWS, _TEXT_LENGTH = 4, 256


class Scorer:
    """Scores bound to their probes, to be read off one checkpoint after another.

    The probes are made once, so that every checkpoint of a series sees the same tokens.

    Raises:
        ProbeError: a score on text and a model without tokenizer.
    """

    def __init__(
        self,
        model: Model,
        scores: list[Score],
        *,
        probe: RepeatedTokens | None = None,
        seed: int = 0,
    ) -> None:
        self.scores = scores
        #: How the last model was read: "fused", or "hooked" where its attention does not fit.
        self.path: Path | None = None
        self._probes: dict[tuple[int, int], Probe] = {}
        self._readings: dict[tuple[int, int], dict[str, Reading]] = {}
        for score in scores:
            key = (score.copies, score.period)
            if key not in self._probes:
                self._probes[key] = _make_probe(model, score, probe, seed)
            reading = Reading(score.cells(self._probes[key]), score.reads)
            self._readings.setdefault(key, {})[score.name] = reading

    def provenance(self) -> dict[str, str]:
        return {"attention": str(self.path), "package_version": package_version()}

    def probe_of(self, score: Score) -> Probe:
        return self._probes[score.copies, score.period]

    def __call__(self, model: Model) -> dict[str, Float[Tensor, "layer head"]]:
        """One float32 [layer, head] on the CPU a score, by name.

        Raises:
            InductionError: a score that is not a number, as NaN weights give; names the head.
        """
        found: dict[str, Tensor] = {}
        for key, probe in self._probes.items():
            means, self.path = read_cells(model, probe.tokens, self._readings[key])
            found |= {
                score.name: score.of_cells(means[score.name], probe)
                for score in self.scores
                if score.name in means
            }
        _check_finite(model, found)
        return {score.name: found[score.name] for score in self.scores}


def _make_probe(model: Model, score: Score, given: RepeatedTokens | None, seed: int) -> Probe:
    if not score.on_text:
        return given or RepeatedTokens.make(
            model, period=score.period, copies=score.copies, seed=seed
        )
    if given is not None:
        return TextProbe.of_tokens(model, given.tokens)
    return TextProbe.default(model, rows=_TEXT_ROWS, longest=_TEXT_LENGTH)


def _check_finite(model: Model, found: dict[str, Tensor]) -> None:
    for name, values in found.items():
        if not values.isfinite().all():
            layer, head = (~values.isfinite()).nonzero()[0].tolist()
            raise InductionError(
                f"{name} of {model.head_name(layer, head)} in {model.name} is not a number.",
                "The weights or activations hold NaN or infinity; load intact weights.",
            )


def head_scores(
    model: object,
    scores: Iterable[str] | str | None = None,
    tokens: Int[Tensor, "batch pos"] | None = None,
    *,
    period: int | None = None,
    seed: int = 0,
) -> xarray.Dataset:
    """Scores of every head, as an xarray.Dataset with dims (layer, head).

    Args:
        model: anything `as_model` accepts.
        scores: names from `SCORES`; None for all (without those on text if there is no
            tokenizer).
        tokens: your own repeated tokens [batch, pos]: [BOS,] r, r, ... Without them each score
            makes its default probe.
        period: the length of r; needed with `tokens`.
        seed: of the default probe's random tokens.

    Returns:
        One float32 variable a score; its attributes hold formula, range, chance level, source and
        probe, the dataset's the model, weight mode, dtype, device and package version.

    Raises:
        SelectionError: a score that does not exist.
        ProbeError: tokens that do not repeat with `period`, or that the model cannot run.
        InductionError: scores that are not finite.
    """
    import xarray

    model = as_model(model)
    probe = _given(model, tokens, period)
    wanted = check_scores(scores, model if probe is None else None)
    scorer = Scorer(model, wanted, probe=probe, seed=seed)
    values = scorer(model)
    return xarray.Dataset(
        {
            s.name: (("layer", "head"), values[s.name].numpy(), describe(scorer, s))
            for s in scorer.scores
        },
        coords={"layer": range(model.n_layers), "head": range(model.n_heads)},
        attrs=model.provenance() | scorer.provenance(),
    )


def _given(
    model: Model, tokens: Int[Tensor, "batch pos"] | None, period: int | None
) -> RepeatedTokens | None:
    if tokens is None:
        if period is not None:
            raise SelectionError(
                "period= was given without tokens=.", "It describes tokens of your own; pass both."
            )
        return None
    if period is None:
        raise SelectionError(
            "tokens= was given without period=.", "Say how long the repeated part is."
        )
    return RepeatedTokens.given(model, tokens, period)


def describe(scorer: Scorer, score: Score) -> dict[str, object]:
    """The attributes of a score's variable: what a reader needs to judge and repeat the number."""
    probe = scorer.probe_of(score)
    chance = score.chance(probe)
    low, high = score.range_on(probe)
    return {
        "title": score.title,
        "formula": score.formula,
        "source": score.source,
        "range": "unbounded" if low is None else f"{low:g} to {high:g}",
        **({} if chance is None else {"chance": chance}),
        **probe.provenance(),
    }


def package_version() -> str:
    try:
        return version("induction-explorer")
    except PackageNotFoundError:  # imported from a source tree that was never installed
        return "unknown"
