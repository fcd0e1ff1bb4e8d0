"""What a sweep finds: its variables, and what is said of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Variable:
    """What is found of every checkpoint under one name.

    Attributes:
        dims: those after "checkpoint".
        shape: how long they are.
        attrs: the same for every checkpoint: whoever finds others measures something else. Their
            "kind" is "score", "measure" or "prompt".
        dtype: float32 or int32.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    attrs: Mapping[str, Any]
    dtype: str = "float32"


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
