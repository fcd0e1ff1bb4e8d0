"""Colours of scores: those of the widget on light ground, so that a number looks the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

Rgb = tuple[float, float, float]

_NOTHING, _UNKNOWN = (244, 245, 246), "#e4e4e4"
#: The schemes GnBu and RdBu, evenly spaced.
_GREEN_BLUE = "f7fcf0 e0f3db ccebc5 a8ddb5 7bccc4 4eb3d3 2b8cbe 0868ac 084081"
_RED_BLUE = "67001f b2182b d6604d f4a582 fddbc7 f7f7f7 d1e5f0 92c5de 4393c3 2166ac 053061"


@dataclass(frozen=True)
class Scale:
    """From which number to which; around 0 where scores change sign."""

    low: float
    high: float

    @classmethod
    def of(cls, score: Mapping[str, Any], values: Float[np.ndarray, "..."]) -> Scale:
        """Of all values of a series, as js/src/ui/color.ts has it.

        Args:
            score: `ScoreInfo` of js/src/kernel/model.ts.
        """
        known = values[np.isfinite(values)]
        least, most = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        given = score["range"] if score["colours"] == "range" else (None, None)
        low = least if given[0] is None else given[0]
        high = most if given[1] is None else given[1]
        if low < 0 < high:
            high = max(-low, high)
            return cls(-high, high)
        return cls(low, high if high > low else low + 1)

    def along(self, value: float) -> float:
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def rgb(self, value: float) -> Rgb:
        t = self.along(value)
        if self.low < 0 < self.high:
            return _between(_RED_BLUE, t)
        weight = min(1.0, 3 * t)
        ramp = _between(_GREEN_BLUE, 0.1 + 0.9 * t)
        red, green, blue = (
            (1 - weight) * a + weight * b for a, b in zip(_NOTHING, ramp, strict=True)
        )
        return red, green, blue

    def colour(self, value: float) -> str:
        if not np.isfinite(value):
            return _UNKNOWN
        return "#" + "".join(f"{round(channel):02x}" for channel in self.rgb(value))

    def ink(self, value: float) -> str:
        """What can be read on it."""
        if not np.isfinite(value):
            return "#1c1c1c"
        light = np.dot(self.rgb(value), (0.299, 0.587, 0.114)) > 0.55 * 255
        return "#1c1c1c" if light else "#ffffff"


def _between(scheme: str, t: float) -> Rgb:
    colours: Sequence[str] = scheme.split()
    channels = [[int(one[i : i + 2], 16) for one in colours] for i in (0, 2, 4)]
    red, green, blue = (
        float(np.interp(t, np.linspace(0, 1, len(colours)), one)) for one in channels
    )
    return red, green, blue
