"""The shapes a curve over training can have on the axis of ln(tokens), and what each leaves of it.

    abrupt     trend(u) + a · s((u − c) / w), from a tenth to nine tenths within a doubling
    between    the same, one to two doublings
    gradual    the same, two doublings or more
    smooth     trend(u) + a · f(u), f a power law, a saturation, straight in tokens, with a kink, or
               one checkpoint that is off

u = ln(tokens), s the logistic function, trend a straight line, or with many checkpoints a natural
cubic spline. Neither abrupt nor gradual has to win where a step takes one to two doublings: data
that cannot tell two neighbours apart are not asked to.

Noise may wander from checkpoint to checkpoint: everything is fitted at several autocorrelations,
and each shape has the one that suits it best (the profile likelihood of an AR(1) process).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from jaxtyping import Float

#: Half-widths of steps, in units of ln(tokens). From a tenth to nine tenths a step takes
#: 2 ln 9 widths: a doubling at ABRUPT.
ABRUPT = float(np.log(2) / (2 * np.log(9)))
#: Autocorrelations that noise may have.
RHOS = (0.0, 0.3, 0.6)
#: Fitted besides: what one step leaves of a sawtooth wanders more than noise does.
_WANDERING = 0.85
#: Of neighbouring abrupt widths.
_NARROWER = 0.7
#: Neighbouring centres are at least this many widths apart.
_THINNED = 1.0
_BETWEEN_WIDTHS = ABRUPT * np.array([1.2, 1.5, 1.8])
_GRADUAL_WIDTHS = ABRUPT * np.array([2, 2.6, 3.4, 4.4])
#: From so many checkpoints on, the trend may bend, and three further steps are looked at.
_MANY = 20
#: What a fit misses by less than this share of a curve's range, on average, is no evidence.
_UNSEEN = 0.005
#: A further step counts against the first by this, once it is above what noise gains: this many
#: variances a step.
_AGAINST, _NOISE_GAIN = 1.5, 6.0
#: Curves: what is made of so many stays in the processor's cache.
_AT_ONCE = 64

Curves = Float[np.ndarray, "curve checkpoint"]


@dataclass(frozen=True, eq=False)
class Evidence:
    """By curve: logarithms of ratios of residual sums of squares.

    Attributes:
        abrupt: best that is not abrupt over best abrupt step; at most 0 where a slower step fits
            best of all.
        step: best smooth curve over best step, abrupt or not.
    """

    abrupt: Float[np.ndarray, " curve"]
    step: Float[np.ndarray, " curve"]


class StepShapes:
    """All shapes on one set of checkpoints, at x above 0."""

    def __init__(self, x: Float[np.ndarray, " checkpoint"]) -> None:
        self.u = np.log(x)
        abrupt = [logistic(self.u, c, w) for c, w in self._abrupt()]
        between, gradual = (
            [logistic(self.u, c, w) for w in widths for c in self._evenly(w)]
            for widths in (_BETWEEN_WIDTHS, _GRADUAL_WIDTHS)
        )
        steps = np.array(abrupt + between + gradual)
        sorts = np.repeat([0, 1, 2], [len(abrupt), len(between), len(gradual)])
        self._whitened = [
            _Whitened(self.u, rho, steps, sorts, _smooth(x)) for rho in (*RHOS, _WANDERING)
        ]

    def _abrupt(self) -> list[tuple[float, float]]:
        """Centres at checkpoints and half-way between them, widths down to where a step that is
        narrower still would look the same."""
        u = self.u
        places = np.sort(np.concatenate([u[1:-1], (u[1:-2] + u[2:-1]) / 2]))
        gaps = np.interp(places, (u[1:] + u[:-1]) / 2, np.diff(u))
        steps, width = [], ABRUPT
        while (wide := places[gaps < 6 * width / _NARROWER]).size:
            steps += [(centre, width) for centre in _thinned(wide, width)]
            width *= _NARROWER
        return steps

    def _evenly(self, width: float) -> np.ndarray:
        return _thinned(np.linspace(self.u[0], self.u[-1], 400), width)

    def evidence(self, curves: Curves) -> Evidence:
        """Of curves none of which is flat."""
        curves = (curves - curves[:, :1]) / np.ptp(curves, axis=1, keepdims=True)
        unseen = len(self.u) * _UNSEEN**2
        left = [
            np.min([one.left(part, unseen) for one in self._whitened], axis=0)
            for part in np.split(curves, range(_AT_ONCE, len(curves), _AT_ONCE))
        ]
        abrupt, between, gradual, smooth, alone = np.concatenate(left, axis=1)
        best = np.minimum(abrupt, np.minimum(between, gradual))
        ratio = np.log(np.minimum(gradual, smooth) / alone)
        return Evidence(
            abrupt=np.where(abrupt > best, np.minimum(ratio, 0), ratio),
            step=np.log(smooth / alone),
        )


class _Whitened:
    """The shapes freed of one autocorrelation and of the trend, and of unit length."""

    def __init__(
        self, u: np.ndarray, rho: float, steps: np.ndarray, sorts: np.ndarray, smooth: np.ndarray
    ) -> None:
        self._rho = rho
        self._trend = np.linalg.qr(whiten(trend(u), rho).T)[0]
        # What the determinant of the noise's covariance adds to its likelihood.
        self._scale = (1 - rho**2) ** (-1 / len(u))
        self._further = 3 if len(u) >= _MANY else 1
        steps, lengths = self._units(steps)
        seen = lengths > 0.05 * lengths.max()
        steps, sorts = steps[seen], sorts[seen]
        self._steps, self._alike = steps, steps @ steps.T
        ends = np.searchsorted(sorts, range(4)).tolist()
        self._sorts = [slice(*between) for between in pairwise(ends)]
        smooth, lengths = self._units(smooth)
        self._smooth = smooth[lengths > 1e-3 * lengths.max()]

    def _units(self, shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rest = self._rest(shapes)
        lengths = np.linalg.norm(rest, axis=1)
        return (rest / np.maximum(lengths, 1e-12)[:, None]).astype(np.float32), lengths

    def _rest(self, curves: np.ndarray) -> np.ndarray:
        white = whiten(curves, self._rho)
        rest: np.ndarray = white - (white @ self._trend) @ self._trend.T
        return rest

    def left(self, curves: np.ndarray, unseen: float) -> np.ndarray:
        """[sort, curve]: what the best abrupt, between, gradual and smooth shape leave, and the
        best step with all further ones counted against it."""
        rest = self._rest(curves)
        total = (rest**2).sum(1)
        rest = rest.astype(np.float32)
        along = rest @ self._steps.T
        squares = along**2
        gains = [squares[:, sort].max(1) for sort in self._sorts]
        smooth = ((rest @ self._smooth.T) ** 2).max(1)
        best, further = np.maximum.reduce(gains), 0.0
        every = np.arange(len(curves))
        which = squares.argmax(1)
        for _ in range(self._further):
            along -= along[every, which, None] * self._alike[which]
            which = np.square(along, out=squares).argmax(1)
            further = further + squares[every, which]
        noise = _NOISE_GAIN * self._further * np.maximum(total - best - further, 0) / len(rest.T)
        alone = best - _AGAINST * np.maximum(further - noise, 0)
        explained = np.array([*gains, smooth, alone])
        found: np.ndarray = (np.maximum(total - explained, 0) + unseen) * self._scale
        return found


@lru_cache(maxsize=4)  # 64 MiB each at 154 checkpoints
def step_shapes(x: tuple[float, ...]) -> StepShapes:
    return StepShapes(np.array(x))


def logistic(u: np.ndarray, centre: np.ndarray | float, width: np.ndarray | float) -> np.ndarray:
    done: np.ndarray = 1 / (1 + np.exp(-np.clip((u - centre) / width, -500, 500)))
    return done


def whiten(curves: np.ndarray, rho: float) -> np.ndarray:
    """White where `curves` [..., checkpoint] are AR(1) with this correlation."""
    white = curves.copy()
    white[..., 1:] -= rho * curves[..., :-1]
    white[..., 0] *= np.sqrt(1 - rho**2)
    return white


def trend(u: np.ndarray) -> np.ndarray:
    """A basis [member, checkpoint]: a line, or with many checkpoints a natural cubic spline with
    four equally spaced knots (Hastie, Tibshirani and Friedman 2009, eq. 5.4)."""
    line = [np.ones_like(u), u]
    if len(u) < _MANY:
        return np.array(line)
    at = np.linspace(u[0], u[-1], 4)

    def d(k: int) -> np.ndarray:
        cubes: np.ndarray = np.clip(u - at[k], 0, None) ** 3 - np.clip(u - at[-1], 0, None) ** 3
        cubes /= at[-1] - at[k]
        return cubes

    return np.array([*line, d(0) - d(2), d(1) - d(2)])


def _smooth(x: np.ndarray) -> np.ndarray:
    """[shape, checkpoint]: what curves do over training without a step, slips included."""
    u, share = np.log(x), x / x[-1]
    doublings = int(np.ptp(u) / np.log(2))
    saturating = [1 - np.exp(-x / tau) for tau in np.geomspace(x[0], x[-1], 2 * doublings + 2)]
    decaying = [
        (1 + x / onset) ** -exponent
        for onset in np.geomspace(x[0], x[-1], 8)
        for exponent in (0.3, 0.6, 1.0)
    ]
    powers = [share**exponent for exponent in (0.2, 0.5, 1.0, 2.0)]
    kinks = [np.clip(u - k, 0, None) for k in np.linspace(u[0], u[-1], 30)[1:-1]]
    kinks += [np.clip(share - k, 0, None) for k in np.linspace(0, 1, 40)[1:-1]]
    return np.array([*saturating, *decaying, *powers, *kinks, *np.eye(len(x))])


def _thinned(places: np.ndarray, width: float) -> np.ndarray:
    """Those of rising `places` that are `_THINNED` widths apart, and the last."""
    kept = [places[0]]
    for place in places[1:]:
        if place - kept[-1] >= _THINNED * width:
            kept.append(place)
    return np.array([*kept, places[-1]])
