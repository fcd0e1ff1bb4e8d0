"""What a sweep finds: its variables, and what is said of all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Part:
    """One array of what is kept of a prompt, or of the page of a head.

    Attributes:
        dims: with "{key}" where another prompt has another length.
    """

    dims: tuple[str, ...]
    dtype: str
    title: str
    meaning: str
    units: str = "1"

    def said(self, kind: str) -> dict[str, str]:
        """Of a variable of this kind that it is kept as."""
        return {
            "title": self.title,
            "meaning": self.meaning,
            "units": self.units,
            "kind": kind,
        }


@dataclass(frozen=True, eq=False)
class Variable:
    """What is found of every checkpoint under one name.

    Attributes:
        dims: those after "checkpoint".
        shape: how long they are.
        attrs: the same for every checkpoint: whoever finds others measures something else. Their
            "kind" is "score", "measure", "prompt" or "page".
        dtype: float32, float64 or int32.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    attrs: Mapping[str, Any]
    dtype: str = "float32"

    @property
    def size(self) -> int:
        """Bytes at a checkpoint."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


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
