"""Every score of a head by name, and `head_scores`, which reads them off a model.

What they are is in `of_attention`, `selectivity`, `of_weights`, `of_outputs`, `effective_rank` and
`of_causes`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.door import as_model
from induction_kernels.errors import InductionError, SelectionError
from induction_kernels.inputs.padding import Mask
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.models.model import Model
from induction_kernels.provenance import package_version
from induction_kernels.scores.effective_rank import RANK_SCORES, RankReader, RankScore
from induction_kernels.scores.of_attention import ATTENTION_SCORES, AttentionReader, AttentionScore
from induction_kernels.scores.of_causes.scores import CAUSE_SCORES, CauseReader, CauseScore
from induction_kernels.scores.of_outputs.scores import OUTPUT_SCORES, OutputReader, OutputScore
from induction_kernels.scores.of_weights.scores import WEIGHT_SCORES, WeightReader, WeightScore
from induction_kernels.scores.own.arrays import ArrayScore
from induction_kernels.scores.own.functions import FunctionReader, FunctionScore, Reading
from induction_kernels.scores.own.given import Scores, listed
from induction_kernels.scores.score import Facts, Score
from induction_kernels.scores.selectivity import SELECTIVITIES

if TYPE_CHECKING:
    import xarray


#: Every score by name, in the order a reader meets them.
SCORES: Mapping[str, Score] = {
    score.name: score
    for score in (
        *ATTENTION_SCORES,
        *SELECTIVITIES,
        *WEIGHT_SCORES,
        *OUTPUT_SCORES,
        *RANK_SCORES,
        *CAUSE_SCORES,
    )
}

#: Those that are read where nothing is asked for.
UNASKED = tuple(name for name, score in SCORES.items() if not score.by_name_only)


def check_scores(scores: Scores) -> list[Score]:
    """The scores of these names, and the reader's own; for None all of ours but those that are read
    by name only.

    Raises:
        SelectionError: a name that is no score, no score at all, or one of the reader's that is
            called as one of ours or as another one.
    """
    if scores is None:
        return [SCORES[name] for name in UNASKED]
    wanted = listed(scores)
    unknown = [name for name in wanted if isinstance(name, str) and name not in SCORES]
    if unknown or not wanted:
        raise SelectionError(
            f"There is no score {unknown[0]!r}." if unknown else "No score was asked for.",
            f"Scores: {', '.join(SCORES)}.",
        )
    found: dict[str, Score] = {}
    for one in wanted:
        score = SCORES[one] if isinstance(one, str) else one
        there = SCORES.get(score.name, found.get(score.name, score))
        if there is not score:
            whose = "another of yours" if there.own else "one of ours"
            raise SelectionError(
                f"A score of your own is called {score.name!r}, as is {whose}.",
                "Give it another name: scores={'my_name': ...}, or array.rename('my_name').",
            )
        found[score.name] = score
    return list(found.values())


def choose_scores(
    scores: Scores, model: Model, *, text_given: bool = False
) -> tuple[list[Score], dict[str, str]]:
    """The scores that were asked for, or for None all that `model` allows, and why the others are
    not.

    Args:
        text_given: scores on text can be read off a caller's own tokens.

    Raises:
        SelectionError: as `check_scores`.
    """
    chosen = check_scores(scores)
    if scores is not None:
        return chosen, {}
    reasons = {score.name: score.left_out(model, text_given) for score in chosen}
    left_out = {name: reason for name, reason in reasons.items() if reason is not None}
    return [score for score in chosen if score.name not in left_out], left_out


class Scorer:
    """Scores bound to their probes, to be read off one checkpoint after another.

    The probes are made once, so that every checkpoint of a series sees the same tokens. What a
    caller's function does not give is NaN, and `readings` says why; all else that goes wrong is an
    error.

    Attributes:
        readings: how the last call of each of the reader's functions went.

    Raises:
        ProbeError: a score on text and a model without tokenizer.
        UnsupportedModelError: a score of weights that cannot be read.
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
        of_weights = [score for score in scores if isinstance(score, WeightScore)]
        of_attention = [score for score in scores if isinstance(score, AttentionScore)]
        parts = [part for score in of_weights for part in score.attention]
        self._attention = AttentionReader(model, [*of_attention, *parts], probe, seed)
        self._weights = (
            WeightReader(model, of_weights, self._attention, seed) if of_weights else None
        )
        of_outputs = [score for score in scores if isinstance(score, OutputScore)]
        self._outputs = OutputReader(model, of_outputs, probe, seed)
        of_ranks = [score for score in scores if isinstance(score, RankScore)]
        self._ranks = RankReader(model, of_ranks)
        of_causes = [score for score in scores if isinstance(score, CauseScore)]
        self._causes = CauseReader(model, of_causes, probe, seed)
        of_functions = [score for score in scores if isinstance(score, FunctionScore)]
        self._functions = FunctionReader(model, of_functions, probe, seed)
        self._of_functions = of_functions
        self.readings: dict[str, Reading] = self._functions.readings

    def __call__(self, model: Model) -> dict[str, Float[Tensor, "layer head"]]:
        """One float32 [layer, head] on the CPU a score, by name.

        Raises:
            InductionError: a score that is not a number, as NaN weights give; names the head.
        """
        *_, values = self.by_steps(model)
        return values

    def by_steps(self, model: Model) -> Iterator[dict[str, Float[Tensor, "layer head"]]]:
        """The same: after every part what is known, in the end all of it, once it is known to be
        numbers.

        Between two of them other weights may be put into the model and taken out again.
        """
        found: dict[str, Tensor] = {}
        for values in self._by_parts(model):
            found = {one.name: values[one.name] for one in self.scores if one.name in values}
            yield found
        _check_finite(model, self.scores, found)
        yield found

    def _by_parts(self, model: Model) -> Iterator[dict[str, Float[Tensor, "layer head"]]]:
        """With what scores of the weights take of the attention."""
        values: dict[str, Tensor] = {}
        for found in self._attention.by_steps(model):
            values |= found
            yield values
        if self._weights is not None:
            attention = dict(values)
            for found in self._weights.by_steps(model, attention):
                values |= found
                yield values
        for found in chain(
            self._outputs.by_steps(model), self._ranks.by_steps(model), self._causes.by_steps(model)
        ):
            values |= found
            yield values
        for score in self._of_functions:
            values[score.name] = self._functions(model, score)
            yield values

    def call(self, model: Model, score: FunctionScore) -> Float[Tensor, "layer head"]:
        """One of the reader's functions alone: float32 on the CPU, NaN as `readings` says."""
        return self._functions(model, score)

    def provenance(self) -> dict[str, str]:
        path = self._attention.path
        return {
            **({} if path is None else {"attention": path}),
            "package_version": package_version(),
        }

    def facts(self, score: Score) -> Facts:
        if isinstance(score, WeightScore) and self._weights is not None:
            return self._weights.facts(score)
        if isinstance(score, OutputScore):
            return self._outputs.facts(score)
        if isinstance(score, RankScore):
            return self._ranks.facts(score)
        if isinstance(score, CauseScore):
            return self._causes.facts(score)
        if isinstance(score, FunctionScore):
            return self._functions.facts(score)
        if isinstance(score, ArrayScore):
            return score.facts()
        assert isinstance(score, AttentionScore)
        return self._attention.facts(score)


def _check_finite(model: Model, scores: list[Score], grids: dict[str, Tensor]) -> None:
    """NaN is what is not there: layers without attention, logits of cells that no window shows."""
    attends = torch.zeros(model.n_layers, 1, dtype=torch.bool)
    attends[list(model.attending)] = True
    for score in scores:
        if isinstance(score, FunctionScore):  # NaN where the reader's function has no number
            continue
        values = grids[score.name]
        if math.isfinite(values.sum().item()):  # as only numbers sum to one
            continue
        before_softmax = isinstance(score, AttentionScore) and score.reads == "scores"
        broken = values.isinf() if before_softmax else ~values.isfinite() & attends
        if broken.any():
            layer, head = broken.nonzero()[0].tolist()
            raise InductionError(
                f"{score.name} of {model.head_name(layer, head)} in {model.name} is not a number.",
                "The weights or activations hold NaN or infinity; load intact weights.",
            )


def head_scores(
    model: object,
    scores: Scores = None,
    tokens: Int[Tensor, "batch pos"] | None = None,
    *,
    period: int | None = None,
    attention_mask: Mask | None = None,
    seed: int = 0,
) -> xarray.Dataset:
    """Scores of every head, as an xarray.Dataset with dims (layer, head).

    Args:
        model: anything `as_model` accepts.
        scores: names from `SCORES`; None for all that the model allows: none on text without a
            tokenizer, none of weights that we cannot read or that would take long, and none that is
            read by name only, as attention times the size of values, effective ranks and estimates
            of ablations.
            Beside names functions (model, probe) -> [layer, head], and what `attention_score` and
            `function_score` make.
        tokens: your own repeated tokens [batch, pos]: [BOS,] r, r, ... Without them each score
            makes its default probe.
        period: the length of r; needed with `tokens`.
        attention_mask: of `tokens`: 1 where there is a token and 0 where there is padding, without
            which every row must have one length.
        seed: of the default probe's random tokens.

    Returns:
        One float32 variable a score; its attributes hold formula, range, chance level, source and
        probe, the dataset's the model, weight mode, dtype, device and package version, and why
        scores were left out.

    Raises:
        SelectionError: a score that does not exist, or an array, which is read off no model.
        UnsupportedModelError: a score of the weights was asked for, and they cannot be read.
        ProbeError: tokens that do not repeat with `period`, or that the model cannot run.
        InductionError: scores that are not finite, or a function that gives none.
    """
    import xarray

    model = as_model(model)
    probe = _given(model, tokens, period, attention_mask)
    wanted, left_out = choose_scores(scores, model, text_given=probe is not None)
    for score in wanted:
        if isinstance(score, ArrayScore):
            raise SelectionError(
                f"{score.name} is an array, which is read off no model.",
                "sweep(series, scores=...) and InductionExplorer(series, scores=...) take it.",
            )
    scorer = Scorer(model, wanted, probe=probe, seed=seed)
    values = scorer(model)
    for reading in scorer.readings.values():
        if reading.fault:
            raise InductionError(reading.fault)
    return xarray.Dataset(
        {
            s.name: (("layer", "head"), values[s.name].numpy(), describe(scorer, s))
            for s in scorer.scores
        },
        coords=model.axes,
        attrs=model.provenance() | scorer.provenance() | describe_left_out(left_out),
    )


def describe_left_out(reasons: dict[str, str]) -> dict[str, list[str]]:
    """The attribute of a dataset that says which scores are missing and why; none if none are."""
    return {"left_out": [f"{name}: {why}" for name, why in reasons.items()]} if reasons else {}


def _given(
    model: Model,
    tokens: Int[Tensor, "batch pos"] | None,
    period: int | None,
    attention_mask: Mask | None,
) -> RepeatedTokens | None:
    if tokens is None:
        for name, given in (("period", period), ("attention_mask", attention_mask)):
            if given is not None:
                raise SelectionError(
                    f"{name}= was given without tokens=.",
                    "It describes tokens of your own; pass both.",
                )
        return None
    if period is None:
        raise SelectionError(
            "tokens= was given without period=.", "Say how long the repeated part is."
        )
    return RepeatedTokens.given(model, tokens, period, attention_mask)


def _range_in_words(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "unbounded"
    return f"{'−∞' if low is None else f'{low:g}'} to {'∞' if high is None else f'{high:g}'}"


def describe(scorer: Scorer, score: Score) -> dict[str, object]:
    """The attributes of a score's variable: what a reader needs to judge and repeat the number."""
    facts = scorer.facts(score)
    low, high = facts.range
    return {
        "title": score.title,
        "formula": score.formula,
        "meaning": score.meaning,
        "source": score.source,
        "range": _range_in_words(low, high),
        **({} if facts.chance is None else {"chance": facts.chance}),
        **({"own": True} if score.own else {}),
        **({} if score.units == "1" else {"units": score.units}),
        **facts.provenance,
    }
