"""A series times scores: every score of every head at every checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import TYPE_CHECKING

from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.checkpoints.walk import walk
from induction_kernels.models.model import Model
from induction_kernels.scores.registry import (
    Scorer,
    check_scores,
    choose_scores,
    describe,
    describe_left_out,
)

if TYPE_CHECKING:
    import xarray


def sweep(
    series: CheckpointSeries,
    scores: Iterable[str] | str | None = None,
    *,
    seed: int = 0,
    progress: bool = True,
) -> xarray.Dataset:
    """Scores of every head at every checkpoint, with the same probe throughout.

    Args:
        series: read through a model of its own; what `series.load` gave stays as it is.
        scores: names from `induction_kernels.SCORES`; None for all that the model allows.
        seed: of the probes' random tokens.
        progress: show a progress bar.

    Returns:
        xarray.Dataset with dims (checkpoint, layer, head), one float32 variable a score, and
        coordinates step, tokens (NaN where unknown) and tokens_estimated along checkpoint. A
        checkpoint that cannot be scored is NaN, named in a warning and in the attribute `faults`;
        the others stand.

    Raises:
        SelectionError: a score that does not exist.
        ProbeError: a score on text was asked for, and the model has no tokenizer.
        CheckpointError: not one checkpoint could be scored.
    """
    import xarray

    check_scores(scores)
    left_out: dict[str, str] = {}

    def prepare(model: Model) -> Scorer:
        chosen, reasons = choose_scores(scores, model)
        left_out.update(reasons)
        return Scorer(model, chosen, seed=seed)

    swept = walk(series, prepare, done="scored", progress=progress)
    scorer = swept.reader
    return xarray.Dataset(
        {
            score.name: (
                ("checkpoint", "layer", "head"),
                swept.along(itemgetter(score.name)),
                describe(scorer, score),
            )
            for score in scorer.scores
        },
        coords=swept.coords | swept.model.axes,
        attrs=swept.attrs | scorer.provenance() | describe_left_out(left_out),
    )
