"""Where the checkpoints of a series lie along training, as a dataset has it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from induction_kernels.checkpoints.checkpoint import STEPS, Checkpoint

if TYPE_CHECKING:
    import xarray

_OF_STEPS = "optimizer steps"


def along_training(
    checkpoints: Iterable[Checkpoint],
) -> dict[str, tuple[str, Any, dict[str, str]]]:
    """The coordinates step, tokens (NaN where unknown) and tokens_estimated, with their units."""
    every = list(checkpoints)
    tokens = [np.nan if one.tokens is None else one.tokens for one in every]
    unit = every[0].unit if every else STEPS
    return {
        "step": (
            "checkpoint",
            np.array([one.step for one in every], np.int64),
            {"units": _OF_STEPS if unit == STEPS else unit},
        ),
        "tokens": ("checkpoint", np.array(tokens, np.float64), {"units": "tokens"}),
        "tokens_estimated": (
            "checkpoint",
            np.array([one.tokens_estimated for one in every], np.bool_),
            {},
        ),
    }


def unit_of(dataset: xarray.Dataset) -> str:
    """What the coordinate step counts, in a word: "steps" where it says nothing else."""
    said = str(dataset["step"].attrs.get("units", _OF_STEPS))
    return STEPS if said == _OF_STEPS else said
