"""The phase change: an abrupt step in a curve over training, found with its uncertainty, or not.

Much of training is gradual on the axis of ln(tokens): power laws, and the first fall of the loss. A
curve has a *change* when a step that takes less than a doubling of the tokens seen so far explains
it better than any smooth curve and any step of two doublings or more (step_shapes.py), beyond what
noise does (step_chance.py), and lasts (step_lasts.py). A step begins at a tenth of its height and
ends at nine tenths; where, and how surely, is in step_places.py. What rises or falls beyond chance,
but takes longer than a doubling, is *gradual*, and what does not last is *undone*; both are said.

One step a curve is looked for. Further ones count against it, so that waves and sawteeth have none;
of two changes in one curve the higher is found if the other is a third as high or less, else
neither. A step lower than a tenth of the curve's range is none, however clear: late small ones go
unsaid.

On white noise, AR(1) noise up to 0.6, power laws, saturations, straight lines, kinks, waves and
sawteeth, however short, false alarms stay below the level of 5 %: 0 to 4 % (on noise about 1 %, for
p does not count on it that noise hardly ever lasts). That it lasts costs steps of five times the
noise up to 6 points of power, higher ones none. Not kept: of a sawtooth only one fall of which is
seen, the others outside the checkpoints or between them, up to a third have a change, as one fall
is all there is to see; and noise that wanders more (tests/kernels/test_phase_change.py).

Source of the question: Olsson et al. 2022, who draw the window by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from induction_kernels.changes.step_chance import FEWEST_BLOCKS, MOST_BLOCKS, chance
from induction_kernels.changes.step_lasts import lasts
from induction_kernels.changes.step_places import step_places
from induction_kernels.changes.step_shapes import ABRUPT, step_shapes
from induction_kernels.errors import ProbeError

#: Fewer checkpoints than this cannot show trend, step and noise.
FEWEST = 10
#: A step smaller than this share of the curve's range is no change of the curve's course; one
#: higher than _LARGEST_SHARE would have to be undone by the trend.
_SMALLEST_SHARE, _LARGEST_SHARE = 0.1, 3.0
#: However surely: an abrupt step has to leave this much less than a gradual one, as a logarithm.
SLIGHT = 0.03
#: In doublings: what takes longer is a trend.
_LONGEST = 4.4
_DRAWS = 400

Curve = Float[np.ndarray, " checkpoint"]
Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Change:
    """A step in one curve; all x in the unit of the curve's x, such as tokens.

    Attributes:
        start, middle, end: where a tenth, half and nine tenths of the step are done.
        start_interval, middle_interval, end_interval: 95 % intervals, never finer than the
            checkpoints around each.
        size: height of the step, in the unit of the curve; negative for a fall.
        lasts: whether the curve keeps at least half of it, else it is undone.
        p_value: how often noise looks as abrupt, lasting or not; of a gradual step, as much like a
            step.
        p_error: standard error of `p_value`, which is simulated.
        draws: [draw, 3] start, middle and end, as likely as they are.
    """

    start: float
    middle: float
    end: float
    start_interval: Interval
    middle_interval: Interval
    end_interval: Interval
    size: float
    lasts: bool
    p_value: float
    p_error: float
    draws: Float[np.ndarray, "draw 3"]

    @property
    def middles(self) -> Float[np.ndarray, " draw"]:
        return self.draws[:, 1]

    @property
    def doublings(self) -> float:
        """Of the tokens seen, from start to end."""
        return float(np.log2(self.end / self.start))

    @property
    def doublings_interval(self) -> Interval:
        """95 %."""
        low, high = np.percentile(np.log2(self.draws[:, 2] / self.draws[:, 0]), [2.5, 97.5])
        return float(min(low, self.doublings)), float(max(high, self.doublings))

    @property
    def abrupt(self) -> bool:
        return self.doublings <= 1 + 1e-9


@runtime_checkable
class Dated(Protocol):
    """What happens at some point of training: a `Change`, or the turn of a path of losses.

    Attributes:
        middle, middle_interval: when, with its 95 % interval.
        middles: as likely as they are.
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
    """The abrupt step of a curve over training that lasts, or None where there is none.

    Args:
        x: rising tokens (or steps) of each checkpoint; one at 0 is allowed, and left out.
        y: a measure or a score; NaN = gap.
        level: how often a curve without a step may be given one.
        smallest: a step lower than this is not looked for, in the unit of `y`.
        seed: of `Change.draws`. Whether there is a change, and its p, do not depend on it.

    Raises:
        ProbeError: fewer than `FEWEST` checkpoints with values, x that does not rise or is of
            another length than `y`, or a level that is none.
    """
    known = int(np.isfinite(y).sum())
    if len(x) == len(y) and known < FEWEST:
        raise ProbeError(
            f"A change needs {FEWEST} checkpoints with values; there are {known}.",
            "Use a series of more checkpoints.",
        )
    curves = np.asarray(y)[:, None]
    return find_changes(x, curves, level=level, smallest=smallest, seed=seed)[0]


def find_changes(
    x: Curve,
    curves: Float[np.ndarray, "checkpoint curve"],
    *,
    level: float = 0.05,
    smallest: float = 0.0,
    seed: int = 0,
) -> list[Change | None]:
    """`find_change` of several curves, such as all heads: the level holds for all of them together
    (Holm's correction). A curve of fewer than `FEWEST` values has none."""
    steps = find_steps(x, curves, level=level, smallest=smallest, seed=seed)
    return [step if step is not None and step.abrupt and step.lasts else None for step in steps]


def find_steps(
    x: Curve,
    curves: Float[np.ndarray, "checkpoint curve"],
    *,
    level: float = 0.05,
    smallest: float = 0.0,
    seed: int = 0,
) -> list[Change | None]:
    """The changes of `find_changes`, and where a curve has none, its step if that is beyond chance
    but takes longer than a doubling (`Change.abrupt`) or is undone (`Change.lasts`). The level
    holds for all abrupt ones together, and for all gradual ones together."""
    x, curves = np.asarray(x, float), np.asarray(curves, float)
    _check(x, curves, level)
    groups = _alike(x, curves, smallest)
    abrupt, gradual = _test(groups, curves.shape[1], level)
    changes: list[Change | None] = [None] * curves.shape[1]
    for group in groups:
        for i, y in zip(group.which.tolist(), group.curves, strict=True):
            if abrupt.passes[i]:
                step = _step(group.x, y, 3 * ABRUPT, abrupt, i, smallest, seed)
                changes[i] = step if step is not None and step.abrupt else None
            if changes[i] is None and gradual.passes[i]:
                step = _step(group.x, y, _LONGEST * ABRUPT, gradual, i, smallest, seed)
                changes[i] = None if step is None or step.abrupt else step
    return changes


def _check(x: np.ndarray, curves: np.ndarray, level: float) -> None:
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


@dataclass(frozen=True, eq=False)
class _Alike:
    """Curves with the same gaps: they share everything but their values, [curve, checkpoint]."""

    which: np.ndarray
    x: np.ndarray
    curves: np.ndarray


def _alike(x: np.ndarray, curves: np.ndarray, smallest: float) -> list[_Alike]:
    """Curves with values enough, and of some height; without x = 0, which ln x has no place for."""
    known = np.isfinite(curves)
    enough = np.flatnonzero(known.sum(0) >= FEWEST)
    known &= (x > 0)[:, None]
    groups: dict[bytes, list[int]] = {}
    for i in enough:
        if np.ptp(curves[known[:, i], i]) > smallest:
            groups.setdefault(known[:, i].tobytes(), []).append(int(i))
    return [
        _Alike(np.array(which), x[known[:, which[0]]], curves[known[:, which[0]]][:, which].T)
        for which in groups.values()
    ]


@dataclass(frozen=True, eq=False)
class _Tested:
    """By curve: p, its standard error, and whether it passes together with the others."""

    p: np.ndarray
    error: np.ndarray
    passes: np.ndarray


def _test(groups: list[_Alike], count: int, level: float) -> tuple[_Tested, _Tested]:
    """For an abrupt step, and for any: with as many draws as it takes to be sure which abrupt ones
    pass."""
    evidence = [step_shapes(tuple(group.x)).evidence(group.curves) for group in groups]
    clear = np.zeros(count, bool)
    for group, one in zip(groups, evidence, strict=True):
        clear[group.which] = one.abrupt > SLIGHT
    blocks = FEWEST_BLOCKS
    while True:
        p, error = np.ones((2, count)), np.zeros((2, count))
        for group, one in zip(groups, evidence, strict=True):
            for row, by_chance in enumerate(chance(tuple(group.x), one, blocks)):
                p[row, group.which], error[row, group.which] = by_chance.p, by_chance.error
        least, most = (_holm(p[0] * np.exp(s * 3 * error[0] / p[0]), level) for s in (-1, 1))
        if blocks >= MOST_BLOCKS or (least == most)[clear].all():
            break
        blocks *= 2
    passes = [_holm(one, level) for one in p]
    return _Tested(p[0], error[0], passes[0] & clear), _Tested(p[1], error[1], passes[1])


def _holm(p_values: np.ndarray, level: float) -> np.ndarray:
    order = np.argsort(p_values, kind="stable")
    limits = level / (len(p_values) - np.arange(len(p_values)))
    failed = np.flatnonzero(p_values[order] > limits)
    count = failed[0] if len(failed) else len(p_values)
    passes = np.zeros(len(p_values), bool)
    passes[order[:count]] = True
    return passes


def _step(
    x: np.ndarray,
    y: np.ndarray,
    widest: float,
    tested: _Tested,
    i: int,
    smallest: float,
    seed: int,
) -> Change | None:
    places = step_places(x, y, widest)
    at = np.exp(places.ends(places.best))
    size = float(places.heights[places.best])
    spread = float(np.ptp(y))
    if not max(smallest, _SMALLEST_SHARE * spread) <= abs(size) <= _LARGEST_SHARE * spread:
        return None
    reach = [np.exp(places.quantiles(ends, [0.025, 0.975])) for ends in places.ends()]
    around = [_around(x, one, point) for one, point in zip(reach, at, strict=True)]
    return Change(
        start=float(at[0]),
        middle=float(at[1]),
        end=float(at[2]),
        start_interval=around[0],
        middle_interval=around[1],
        end_interval=around[2],
        size=size,
        lasts=lasts(x, y, float(at[0]), float(at[2]), size),
        p_value=float(tested.p[i]),
        p_error=float(tested.error[i]),
        draws=np.exp(places.draw(np.random.default_rng(seed), _DRAWS)),
    )


def _around(x: np.ndarray, reach: np.ndarray, point: float) -> Interval:
    """Out to the checkpoints on both sides of the point: between two of them nothing was seen."""
    before, after = x[x <= point], x[x >= point]
    return (
        float(min(reach[0], before[-1] if len(before) else x[0])),
        float(max(reach[1], after[0] if len(after) else x[-1])),
    )
