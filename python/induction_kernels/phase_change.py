"""The phase change: an abrupt step in a curve over training, found with its uncertainty, or not.

Much of training is gradual on the axis of ln(tokens): power laws, and the first fall of the loss. A
curve has a *change* when a step that takes less than a doubling of the tokens seen so far explains
it better than any slower one, beyond what noise does:

    gradual:  trend(u) + a · s((u − c) / w)   with w above ABRUPT
    abrupt:   trend(u) + a · s((u − c) / w)   with w up to ABRUPT

u = ln(tokens), s the logistic function, trend a natural cubic spline with four knots. The
statistic is the ratio of the two residual sums of squares; its distribution where nothing is abrupt
comes from a parametric bootstrap of the gradual fit with autoregressive noise. Intervals come from
the same bootstrap of the abrupt fit. A fitted step begins at a tenth of its height and ends at nine
tenths.

On white noise and on smooth power laws the false alarms stay below the level; noise whose
correlation from checkpoint to checkpoint is above 0.5 can bring them to twice as much
(tests/kernels/test_phase_change.py).

Source of the question: Olsson et al. 2022, who draw the window by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from induction_kernels.errors import ProbeError

#: Half-widths of steps, in units of ln(tokens). From a tenth to nine tenths a step takes
#: 2 ln 9 widths: a doubling at ABRUPT.
ABRUPT = float(np.log(2) / (2 * np.log(9)))
_ABRUPT_WIDTHS = np.geomspace(0.012, ABRUPT, 6)
_GRADUAL_WIDTHS = np.geomspace(1.15 * ABRUPT, 1.5, 7)
_KNOTS = 4
#: Fewer checkpoints than this cannot show trend, step and noise.
FEWEST = 10
#: A step smaller than this share of the curve's range is no change of the curve's course.
_SMALLEST_SHARE = 0.1
_TESTS, _DRAWS = 999, 400

Curve = Float[np.ndarray, " checkpoint"]
Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Change:
    """An abrupt step in one curve; all x in the unit of the curve's x, such as tokens.

    Attributes:
        start, middle, end: where a tenth, half and nine tenths of the step are done.
        start_interval, middle_interval, end_interval: 95 % bootstrap intervals, never finer than
            the checkpoints around them.
        size: height of the step, in the unit of the curve; negative for a fall.
        p_value: how often a gradual curve with such noise looks as abrupt.
        draws: [draw, 3] start, middle and end of the bootstrap's refits.
    """

    start: float
    middle: float
    end: float
    start_interval: Interval
    middle_interval: Interval
    end_interval: Interval
    size: float
    p_value: float
    draws: Float[np.ndarray, "draw 3"]

    @property
    def middles(self) -> Float[np.ndarray, " draw"]:
        return self.draws[:, 1]


@runtime_checkable
class Dated(Protocol):
    """What happens at some point of training: a `Change`, or the turn of a path of losses.

    Attributes:
        middle, middle_interval: when, with its 95 % interval.
        middles: the bootstrap's.
    """

    @property
    def middle(self) -> float: ...

    @property
    def middle_interval(self) -> Interval: ...

    @property
    def middles(self) -> Float[np.ndarray, " draw"]: ...


@dataclass(frozen=True)
class Lead:
    """How much later one change comes than another, with a 95 % interval.

    Attributes:
        lag: middle of the second minus middle of the first, in tokens (or steps).
        differs: whether the interval leaves out 0.
    """

    lag: float
    interval: Interval

    @property
    def differs(self) -> bool:
        return self.interval[0] > 0 or self.interval[1] < 0


def lead(first: Dated, second: Dated) -> Lead:
    """How much later `second` comes than `first`.

    The noise of the two curves is taken as independent.
    """
    n = min(len(first.middles), len(second.middles))
    lags = second.middles[:n] - first.middles[:n]
    # Neither end is known better than the checkpoints around it.
    slack = [
        (m.middle - m.middle_interval[0], m.middle_interval[1] - m.middle) for m in (first, second)
    ]
    lag = second.middle - first.middle
    low, high = np.percentile(lags, [2.5, 97.5])
    return Lead(
        lag,
        (
            float(min(low, lag - np.hypot(slack[0][1], slack[1][0]))),
            float(max(high, lag + np.hypot(slack[0][0], slack[1][1]))),
        ),
    )


def find_change(
    x: Curve, y: Curve, *, level: float = 0.05, smallest: float = 0.0, seed: int = 0
) -> Change | None:
    """The abrupt step of a curve over training, or None where there is none.

    Args:
        x: rising tokens (or steps) of each checkpoint; 0 is allowed.
        y: a measure or a score; NaN = gap.
        level: how often a curve without a step may be given one.
        smallest: a step lower than this is not looked for, in the unit of `y`.

    Raises:
        ProbeError: fewer than `FEWEST` checkpoints with values, x that does not rise or is of
            another length than `y`, or a level that is none.
    """
    return find_changes(x, np.asarray(y)[:, None], level=level, smallest=smallest, seed=seed)[0]


def find_changes(
    x: Curve,
    curves: Float[np.ndarray, "checkpoint curve"],
    *,
    level: float = 0.05,
    smallest: float = 0.0,
    seed: int = 0,
) -> list[Change | None]:
    """`find_change` of several curves, such as all heads: the level holds for all of them together
    (Holm's correction)."""
    x, curves = np.asarray(x, float), np.asarray(curves, float)
    if len(x) != len(curves):
        raise ProbeError(
            f"x has {len(x)} checkpoints and the curve {len(curves)}.", "Give one value for each."
        )
    if not 0 < level < 1:
        raise ProbeError(f"level={level:g} was given.", "Give a share between 0 and 1, as 0.05.")
    if (np.diff(x) <= 0).any() or (x < 0).any():
        raise ProbeError(
            "Checkpoints are not in rising order.", "Give x that rises from 0 or more."
        )
    found = [_test(x, y, smallest, seed) for y in curves.T]
    p_values = np.array([1.0 if test is None else test.p_value for test in found])
    passes = _holm(p_values, level)
    return [
        test.change(seed) if test is not None and is_abrupt else None
        for test, is_abrupt in zip(found, passes, strict=True)
    ]


def _holm(p_values: np.ndarray, level: float) -> list[bool]:
    order = np.argsort(p_values, kind="stable")
    limits = level / (len(p_values) - np.arange(len(p_values)))
    failed = np.flatnonzero(p_values[order] > limits)
    count = failed[0] if len(failed) else len(p_values)
    passes = np.zeros(len(p_values), bool)
    passes[order[:count]] = True
    return passes.tolist()


def _test(x: np.ndarray, y: np.ndarray, smallest: float, seed: int) -> _Test | None:
    """The test of one curve; None where nothing abrupt fits better, or too small a step does."""
    known = np.isfinite(y)
    if known.sum() < FEWEST:
        raise ProbeError(
            f"A change needs {FEWEST} checkpoints with values; there are {int(known.sum())}.",
            "Use a series of more checkpoints.",
        )
    steps = _steps(tuple(x[known]))
    values = y[known]
    spread = float(np.ptp(values))
    if spread == 0:
        return None
    gradual, abrupt = steps.fit_gradual(values), steps.fit_abrupt(values)
    height = abs(abrupt.height)
    if (
        abrupt.rss >= gradual.rss
        or height < max(smallest, _SMALLEST_SHARE * spread)
        or height > 3 * spread  # the trend would have to undo what the step does
    ):
        return None
    ratio = gradual.rss / max(abrupt.rss, 1e-24)
    noise = _Noise.of(values - abrupt.fitted, steps.parameters)
    rng = np.random.default_rng(seed)
    null = _Noise.of(values - gradual.fitted, steps.parameters)
    simulated = gradual.fitted + null.draw(rng, (_TESTS, len(values)))
    ratios = steps.ratios(simulated)
    p_value = (1 + int((ratios >= ratio).sum())) / (1 + _TESTS)
    return _Test(x[known], steps, abrupt, noise, p_value)


@dataclass(frozen=True, eq=False)
class _Test:
    x: np.ndarray
    steps: _Steps
    abrupt: _Fit
    noise: _Noise
    p_value: float

    def change(self, seed: int) -> Change:
        rng = np.random.default_rng(seed + 1)
        simulated = self.abrupt.fitted + self.noise.draw(rng, (_DRAWS, len(self.x)))
        draws = np.exp(self.steps.places(simulated))
        at = np.exp(self.steps.place(self.abrupt.step))
        low, high = np.percentile(draws, [2.5, 97.5], axis=0)
        around = [self._around(min(d, a), max(u, a)) for d, u, a in zip(low, high, at, strict=True)]
        return Change(
            start=float(at[0]),
            middle=float(at[1]),
            end=float(at[2]),
            start_interval=around[0],
            middle_interval=around[1],
            end_interval=around[2],
            size=float(self.abrupt.height),
            p_value=self.p_value,
            draws=draws,
        )

    def _around(self, low: float, high: float) -> Interval:
        """Out to the checkpoints on both sides: between two of them nothing was seen."""
        before = self.x[self.x < low * (1 - 1e-9)]
        after = self.x[self.x > high * (1 + 1e-9)]
        return (
            float(before[-1] if len(before) else self.x[0]),
            float(after[0] if len(after) else self.x[-1]),
        )


@dataclass(frozen=True, eq=False)
class _Fit:
    """The best of a family of steps: which, its height, and what it leaves."""

    step: int
    height: float
    rss: float
    fitted: np.ndarray


@dataclass(frozen=True)
class _Noise:
    """Autoregressive noise of order one, its correlation known to within `error`."""

    rho: float
    error: float
    sigma: float

    @classmethod
    def of(cls, residuals: np.ndarray, parameters: int) -> _Noise:
        n = len(residuals)
        total = float(residuals @ residuals)
        if total == 0:
            return cls(0.0, 0.0, 0.0)
        raw = float(residuals[1:] @ residuals[:-1]) / total
        # Fitting takes autocorrelation out of the residuals; this puts the expected share back.
        rho = float(np.clip(raw + (1 + 3 * raw) / n + parameters / (2 * n), 0, 0.95))
        error = float(np.sqrt((1 - rho**2) / n))
        return cls(rho, error, float(np.sqrt(total / max(1, n - parameters))))

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        """Series with this noise, each with a correlation that it may have."""
        rho = np.clip(self.rho + self.error * rng.standard_normal(shape[0]), 0, 0.95)
        noise = rng.standard_normal(shape)
        for i in range(1, shape[1]):
            noise[:, i] = rho * noise[:, i - 1] + np.sqrt(1 - rho**2) * noise[:, i]
        return self.sigma * noise


class _Steps:
    """Every step that is tried on one set of checkpoints, freed of the trend and of unit length."""

    parameters = _KNOTS + 3

    def __init__(self, x: np.ndarray) -> None:
        u = _log(x)
        self._trend, _ = np.linalg.qr(_natural_spline(u, _KNOTS))
        inner = u[1:-1]
        fine = np.sort(np.concatenate([inner, (inner[1:] + inner[:-1]) / 2]))
        self._abrupt = self._family(u, fine, _ABRUPT_WIDTHS)
        self._gradual = self._family(u, np.linspace(u[0], u[-1], 40), _GRADUAL_WIDTHS)

    def _family(
        self, u: np.ndarray, centres: np.ndarray, widths: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Unit vectors [step, checkpoint], their lengths before, and [step, 2] centre and width."""
        places = np.array([(c, w) for c in centres for w in widths])
        steps = 1 / (1 + np.exp(-np.clip((u - places[:, :1]) / places[:, 1:], -500, 500)))
        steps -= (steps @ self._trend) @ self._trend.T
        lengths = np.linalg.norm(steps, axis=1)
        seen = lengths > 0.1 * lengths.max()
        return steps[seen] / lengths[seen, None], lengths[seen], places[seen]

    def fit_abrupt(self, y: np.ndarray) -> _Fit:
        return self._fit(y, self._abrupt)

    def fit_gradual(self, y: np.ndarray) -> _Fit:
        return self._fit(y, self._gradual)

    def _fit(self, y: np.ndarray, family: tuple[np.ndarray, np.ndarray, np.ndarray]) -> _Fit:
        units, lengths, _ = family
        trend = self._trend @ (self._trend.T @ y)
        along = units @ (y - trend)
        best = int(np.argmax(along**2))
        fitted = trend + along[best] * units[best]
        return _Fit(best, along[best] / lengths[best], float(((y - fitted) ** 2).sum()), fitted)

    def ratios(self, curves: np.ndarray) -> np.ndarray:
        """Of every curve [curve, checkpoint]: what the best gradual step leaves over what the best
        abrupt one does."""
        rest = curves - (curves @ self._trend) @ self._trend.T
        total = (rest**2).sum(1)
        left = [
            np.maximum(total - ((rest @ units.T) ** 2).max(1), 1e-24)
            for units, _, _ in (self._gradual, self._abrupt)
        ]
        return left[0] / left[1]

    def places(self, curves: np.ndarray) -> np.ndarray:
        """[curve, 3]: ln x of start, middle and end of the best abrupt step of every curve."""
        rest = curves - (curves @ self._trend) @ self._trend.T
        best = ((rest @ self._abrupt[0].T) ** 2).argmax(1)
        return np.array([self.place(int(step)) for step in best])

    def place(self, step: int) -> np.ndarray:
        centre, width = self._abrupt[2][step]
        reach = width * np.log(9)
        return np.array([centre - reach, centre, centre + reach])


@lru_cache(maxsize=32)
def _steps(x: Sequence[float]) -> _Steps:
    return _Steps(np.array(x))


def _log(x: np.ndarray) -> np.ndarray:
    """ln x; 0 is placed half of the way to nothing before the first that is not."""
    first = x[x > 0].min()
    return np.log(np.where(x > 0, x, first / 2))


def _natural_spline(u: np.ndarray, knots: int) -> np.ndarray:
    """A basis [checkpoint, knots] of natural cubic splines with equally spaced knots (Hastie,
    Tibshirani and Friedman 2009, eq. 5.4)."""
    at = np.linspace(u[0], u[-1], knots)

    def d(k: int) -> np.ndarray:
        cubes = np.clip(u - at[k], 0, None) ** 3 - np.clip(u - at[-1], 0, None) ** 3
        return cubes / (at[-1] - at[k])

    return np.stack([np.ones_like(u), u, *(d(k) - d(knots - 2) for k in range(knots - 2))], 1)
