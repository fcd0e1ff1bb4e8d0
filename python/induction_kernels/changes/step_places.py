"""Where a step is, and how wide: the likelihood of centres and widths, on a grid that closes in.

Height, trend, noise level and autocorrelation are fitted at each place. With even prior odds of all
centres and of all log widths, weighting by the likelihood gives intervals that hold the truth as
often as they say (tests/kernels/test_phase_change.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from induction_kernels.changes.step_shapes import RHOS, logistic, trend, whiten

_CENTRES, _WIDTHS, _ROUNDS = 48, 24, 3
#: Places less likely than the best by this, in logarithms, are left out when closing in.
_NEGLIGIBLE = 9.0


@dataclass(frozen=True, eq=False)
class StepPlaces:
    """Centres and half-widths in ln x, the probability of each pair, and heights of the steps."""

    centres: Float[np.ndarray, " place"]
    widths: Float[np.ndarray, " place"]
    weights: Float[np.ndarray, " place"]
    heights: Float[np.ndarray, " place"]

    @property
    def best(self) -> int:
        return int(self.weights.argmax())

    def ends(self, place: np.ndarray | slice | int = slice(None)) -> Float[np.ndarray, "3 *place"]:
        """Values of ln x where a tenth, half and nine tenths of the step are done."""
        reach = self.widths[place] * np.log(9)
        centre = self.centres[place]
        return np.array([centre - reach, centre, centre + reach])

    def draw(self, rng: np.random.Generator, count: int) -> Float[np.ndarray, "draw 3"]:
        return self.ends(rng.choice(len(self.weights), count, p=self.weights)).T

    def quantiles(self, values: Float[np.ndarray, " place"], shares: list[float]) -> np.ndarray:
        order = values.argsort(kind="stable")
        below = np.cumsum(self.weights[order]) - self.weights[order] / 2
        return np.asarray(np.interp(shares, below, values[order]))


def step_places(
    x: Float[np.ndarray, " checkpoint"], y: Float[np.ndarray, " checkpoint"], widest: float
) -> StepPlaces:
    """Of the best step in one curve that is not flat, at x above 0, no wider than `widest`."""
    grid = _widest_grid(tuple(x), widest)
    for _ in range(_ROUNDS - 1):
        places = grid.places(y)
        likely = places.weights > places.weights.max() * np.exp(-_NEGLIGIBLE)
        centres = _closer(grid.centres, places.centres[likely], _CENTRES)
        widths = _closer(np.log(grid.widths), np.log(places.widths[likely]), _WIDTHS)
        grid = _Grid(grid.u, centres, np.exp(widths))
    return grid.places(y)


@lru_cache(maxsize=4)  # 17 MiB each at 154 checkpoints
def _widest_grid(x: tuple[float, ...], widest: float) -> _Grid:
    """The one to begin with: the same for all curves on the same checkpoints."""
    u = np.log(x)
    narrowest = min(0.04, max(0.005, float(np.median(np.diff(u))) / 8))
    centres = np.linspace((u[0] + u[1]) / 2, (u[-1] + u[-2]) / 2, 4 * _CENTRES)
    return _Grid(u, centres, np.geomspace(narrowest, widest, _WIDTHS))


class _Grid:
    """Steps at every pair of a centre and a width, freed of each autocorrelation and of the
    trend."""

    def __init__(self, u: np.ndarray, centres: np.ndarray, widths: np.ndarray) -> None:
        self.u, self.centres, self.widths = u, centres, widths
        self._pairs = np.array([(c, w) for c in centres for w in widths])
        steps, basis = logistic(u, self._pairs[:, :1], self._pairs[:, 1:]), trend(u)
        self._freedom = len(u) - len(basis) - 3
        self._flat = [np.linalg.qr(whiten(basis, rho).T)[0] for rho in RHOS]
        self._free = [_freed(steps, rho, flat) for rho, flat in zip(RHOS, self._flat, strict=True)]
        self._lengths = [np.maximum((free**2).sum(1), 1e-9) for free in self._free]

    def places(self, y: np.ndarray) -> StepPlaces:
        height = np.ptp(y)
        y = (y - y[0]) / height
        unseen = len(y) * 0.002**2
        logs, heights = [], []
        for rho, flat, free, length in zip(
            RHOS, self._flat, self._free, self._lengths, strict=True
        ):
            rest = _freed(y, rho, flat)
            along = free @ rest
            left = np.maximum(rest @ rest - along**2 / length, 0) + unseen
            logs.append(-self._freedom / 2 * np.log(left * (1 - rho**2) ** (-1 / len(y))))
            heights.append(along / length)
        weights = np.exp(np.array(logs) - np.max(logs))
        total = weights.sum(0)
        best = weights.sum(1).argmax()
        centres, widths = self._pairs.T
        return StepPlaces(centres, widths, total / total.sum(), height * heights[best])


def _freed(curves: np.ndarray, rho: float, flat: np.ndarray) -> np.ndarray:
    """Of this autocorrelation, and of the trend that `flat` spans."""
    white = whiten(curves, rho)
    rest: np.ndarray = white - (white @ flat) @ flat.T
    return rest


def _closer(grid: np.ndarray, likely: np.ndarray, count: int) -> np.ndarray:
    """Evenly over what is likely and one interval beyond, within the old grid."""
    beyond = grid[1] - grid[0]
    low, high = max(grid[0], likely.min() - beyond), min(grid[-1], likely.max() + beyond)
    return np.linspace(low, high, count)
