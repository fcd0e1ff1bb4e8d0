"""Where checkpoints lie along training, in pixels: as the widget has it, on a log axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingAxis:
    """Checkpoints at their tokens seen, or steps; 0 has a place before the rest.

    Attributes:
        values: of the checkpoints.
        left, right: in pixels.
    """

    values: Sequence[float]
    left: float
    right: float

    def at(self, value: float) -> float:
        first = self._first
        last = max(*self.values, first * 1.0001)
        before = 0.06 * (self.right - self.left) if min(self.values) <= 0 else 0.0
        if value < first:
            return self.left + before * max(value, 0) / first
        share = math.log(value / first) / math.log(last / first)
        return self.left + before + min(share, 1.0) * (self.right - self.left - before)

    def ticks(self, most: int = 6) -> list[float]:
        """0 where it is there, and powers of ten; where there are few, 2 and 5 between them."""
        first, last = self._first, max(self.values)
        powers = range(math.floor(math.log10(first)), math.ceil(math.log10(max(last, first))) + 1)
        tens, more = ([f * 10.0**p for p in powers for f in each] for each in ((1,), (1, 2, 5)))
        inside = [tick for tick in tens if first <= tick <= last]
        if len(inside) < 3:
            inside = [tick for tick in more if first <= tick <= last]
        inside = inside[:: -(-len(inside) // most)]
        return [0.0, *inside] if min(self.values) <= 0 else inside

    @property
    def _first(self) -> float:
        return min((value for value in self.values if value > 0), default=1.0)


def compact(value: float) -> str:
    """5,300,000 as 5.3M."""
    for unit, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= unit * 0.9995:
            return f"{value / unit:.3g}{suffix}"
    return f"{value:g}"
