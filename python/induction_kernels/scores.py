"""Every score of a head as data, and `head_scores`, which reads them all off a model.

A[q, k] is the pattern after the softmax, S[q, k] the scores before it, P the period. Definitions
and sources: Olsson et al. 2022 ("In-context Learning and Induction Heads"), Wang et al. 2022
("Interpretability in the Wild"), Gu et al. 2024 ("When Attention Sink Emerges"), and
TransformerLens' demos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Literal

from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention import readout
from induction_kernels.attention.cells import Path, read_cells
from induction_kernels.attention.readout import Reading, Readout
from induction_kernels.errors import InductionError, SelectionError
from induction_kernels.models import Model, as_model
from induction_kernels.probes import RepeatedTokens

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True)
class Score:
    """One number a head.

    Attributes:
        copies, period: the repeated-token probe it is measured on.
        reads: the pattern A, or the scores S before the softmax.
        cells: the probe's structure to the cells that are averaged.
        range: smallest and largest possible value; None = unbounded.
    """

    name: str
    title: str
    formula: str
    meaning: str
    source: str
    cells: Callable[[RepeatedTokens], Readout]
    reads: Literal["pattern", "scores"] = "pattern"
    range: tuple[float | None, float | None] = (0.0, 1.0)
    copies: int = 2
    period: int = 50

    def chance(self, probe: RepeatedTokens) -> float | None:
        """What attention spread evenly over the past scores; None before the softmax."""
        return self.cells(probe).uniform() if self.reads == "pattern" else None

    def probe_text(self, probe: RepeatedTokens) -> str:
        bos = "BOS + " if probe.lead else ""
        return (
            f"{bos}{probe.period} distinct random tokens × {probe.copies}, "
            f"{len(probe.tokens)} rows, seed {probe.seed}"
        )


def _length(probe: RepeatedTokens) -> int:
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


#: Every score by name, in the order a reader meets them.
SCORES: Mapping[str, Score] = {
    score.name: score
    for score in (
        _INDUCTION,
        _PREFIX,
        _PREVIOUS,
        _DUPLICATE,
        _FIRST,
        *map(_before_softmax, (_INDUCTION, _PREVIOUS, _DUPLICATE)),
    )
}


def check_scores(names: Iterable[str] | str | None) -> list[Score]:
    """The scores of these names; all of them for None.

    Raises:
        SelectionError: a name that is no score, or no name at all.
    """
    if names is None:
        return list(SCORES.values())
    wanted = [names] if isinstance(names, str) else list(names)
    unknown = [name for name in wanted if name not in SCORES]
    if unknown or not wanted:
        raise SelectionError(
            f"There is no score {unknown[0]!r}." if unknown else "No score was asked for.",
            f"Scores: {', '.join(SCORES)}.",
        )
    return [SCORES[name] for name in dict.fromkeys(wanted)]


class Scorer:
    """Scores bound to their probes, to be read off one checkpoint after another.

    The probes are made once, so that every checkpoint of a series sees the same tokens.
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
        self._probes: dict[tuple[int, int], RepeatedTokens] = {}
        for score in scores:
            key = (score.copies, score.period)
            if key not in self._probes:
                self._probes[key] = probe or RepeatedTokens.make(
                    model, period=score.period, copies=score.copies, seed=seed
                )

    def provenance(self) -> dict[str, str]:
        return {"attention": str(self.path), "package_version": package_version()}

    def probe_of(self, score: Score) -> RepeatedTokens:
        return self._probes[score.copies, score.period]

    def __call__(self, model: Model) -> dict[str, Float[Tensor, "layer head"]]:
        """One float32 [layer, head] on the CPU a score, by name.

        Raises:
            InductionError: a score that is not a number, as NaN weights give; names the head.
        """
        found: dict[str, Tensor] = {}
        for key, probe in self._probes.items():
            readings = {
                score.name: Reading(score.cells(probe), score.reads)
                for score in self.scores
                if (score.copies, score.period) == key
            }
            values, self.path = read_cells(model, probe.tokens, readings)
            found |= values
        _check_finite(model, found)
        return {score.name: found[score.name] for score in self.scores}


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
        scores: names from `SCORES`; None for all.
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
    scorer = Scorer(model, check_scores(scores), probe=_given(model, tokens, period), seed=seed)
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
    return {
        "title": score.title,
        "formula": score.formula,
        "source": score.source,
        "range": "unbounded" if score.range[0] is None else "{:g} to {:g}".format(*score.range),
        **({} if chance is None else {"chance": chance}),
        **probe.provenance(),
    }


def package_version() -> str:
    try:
        return version("induction-explorer")
    except PackageNotFoundError:  # imported from a source tree that was never installed
        return "unknown"
