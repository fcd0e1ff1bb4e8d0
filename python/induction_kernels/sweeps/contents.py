"""What a sweep finds: its variables, and what is said of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from induction_kernels.checkpoints.checkpoint import Checkpoint


@dataclass(frozen=True, eq=False)
class Variable:
    """What is found of every checkpoint under one name, as float32.

    Attributes:
        dims: those after "checkpoint".
        shape: how long they are.
        attrs: the same for every checkpoint: whoever finds others measures something else.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    attrs: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Contents:
    """What is found of the checkpoints of one series.

    Attributes:
        attrs: as those of a variable.
        notes: what is said of the whole, and may differ between its parts, such as the device.
        coords: the dimension and the values of each.
    """

    attrs: Mapping[str, Any]
    notes: Mapping[str, Any]
    variables: Sequence[Variable]
    coords: Mapping[str, tuple[str, np.ndarray]]


def along_training(checkpoints: Sequence[Checkpoint]) -> dict[str, tuple[str, Any, dict[str, str]]]:
    """The coordinates step, tokens (NaN where unknown) and tokens_estimated, with their units."""
    tokens = [np.nan if one.tokens is None else one.tokens for one in checkpoints]
    return {
        "step": (
            "checkpoint",
            np.array([one.step for one in checkpoints], np.int64),
            {"units": "optimizer steps"},
        ),
        "tokens": ("checkpoint", np.array(tokens, np.float64), {"units": "tokens"}),
        "tokens_estimated": (
            "checkpoint",
            np.array([one.tokens_estimated for one in checkpoints], np.bool_),
            {},
        ),
    }
