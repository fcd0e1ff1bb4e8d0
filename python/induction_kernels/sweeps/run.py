"""A series times scores: every score of every head at every checkpoint."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from tqdm.auto import tqdm

from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.checkpoints.coordinates import along_training
from induction_kernels.errors import CheckpointError, InductionError
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
        CheckpointError: not one checkpoint could be scored.
    """
    import xarray

    check_scores(scores)
    values: dict[str, np.ndarray] = {}
    faults: list[str] = []
    left_out: dict[str, str] = {}
    scorer, model = None, None
    series = series.replica(private=True)  # the caller's model is the caller's
    for index, checkpoint in enumerate(
        tqdm(series, desc=series.name, unit="checkpoint", disable=not progress)
    ):
        try:
            model = series.model(index, then=index + 1 if index + 1 < len(series) else None)
            if scorer is None:
                chosen, left_out = choose_scores(scores, model)
                scorer = Scorer(model, chosen, seed=seed)
            found = scorer(model)
        except InductionError as error:
            faults.append(f"{checkpoint.label}: {error}")
            continue
        for name, grid in found.items():
            whole = values.setdefault(name, np.full((len(series), *grid.shape), np.nan, np.float32))
            whole[index] = grid.numpy()
    if not values or scorer is None or model is None:
        raise CheckpointError(f"No checkpoint of {series.name} could be scored.", faults[0])
    if faults:
        warnings.warn("Checkpoints left out (NaN): " + "; ".join(faults), stacklevel=2)
    return xarray.Dataset(
        {
            score.name: (
                ("checkpoint", "layer", "head"),
                values[score.name],
                describe(scorer, score),
            )
            for score in scorer.scores
        },
        coords={
            **along_training(series),
            "layer": range(model.n_layers),
            "head": range(model.n_heads),
        },
        attrs=model.provenance()
        | scorer.provenance()
        | describe_left_out(left_out)
        | {"series": series.name, "faults": faults},
    )
