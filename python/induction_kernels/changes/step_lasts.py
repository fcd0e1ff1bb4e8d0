"""Whether a step lasts: the level after it is not the one before.

A phase change divides a curve in two; the fall of a sawtooth's tooth does not, for the ramp behind
it takes it back. A step lasts if three quarters of what comes after its end lie beyond three
quarters of what came before its start, by half of its height or more. A rise that is lost again by
less than half, and one on top of a trend of its own direction, last; a step that only makes up for
a trend of the other direction does not.

What comes later than the last checkpoint is not known: a tooth of which one fall is seen is a step.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_MOST, _KEPT = 0.75, 0.5

Curve = Float[np.ndarray, " checkpoint"]


def lasts(x: Curve, y: Curve, start: float, end: float, size: float) -> bool:
    """Of a step in `y` from `start` to `end`; with no checkpoint outside, the outermost counts."""
    rising = np.sign(size) * y
    before, after = rising[x <= max(start, x[0])], rising[x >= min(end, x[-1])]
    # With a trend of the other direction a wide step can be fitted higher than the curve is.
    height = min(abs(size), float(np.ptp(y)))
    kept = np.quantile(after, 1 - _MOST) - np.quantile(before, _MOST)
    return bool(kept >= _KEPT * height)
