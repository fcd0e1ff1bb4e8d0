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


class Found(dict[str, np.ndarray]):
    """What was found of one checkpoint: arrays by name.

    Attributes:
        faults: why some of the reader's own scores have no numbers there, by name.
        changed: what a function of the reader's changed of the model, which was undone; by name.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        faults: Mapping[str, str],
        changed: Mapping[str, str],
    ) -> None:
        super().__init__(arrays)
        self.faults, self.changed = faults, changed


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
