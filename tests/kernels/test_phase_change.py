"""Changes found where there are some, none where there is none, intervals that hold the truth.

`pytest -s` prints the tables of false alarms and coverage.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from induction_kernels import find_change, find_changes, load_demo, measures, phase_changes, sweep
from induction_kernels.changes import step_chance
from induction_kernels.changes.series import SMALLEST_RISE
from induction_kernels.changes.step import SLIGHT, find_steps, lead
from induction_kernels.changes.step_chance import chance
from induction_kernels.changes.step_lasts import lasts
from induction_kernels.changes.step_places import _widest_grid, step_places
from induction_kernels.changes.step_shapes import ABRUPT, step_shapes
from induction_kernels.demo import DEMOS
from induction_kernels.errors import ProbeError
from induction_kernels.inputs.texts import TextProbe

#: Checkpoints as the bundled series have them, logarithmic with one before training, and evenly.
BUNDLED = np.array(load_demo("attn-only-2l").tokens, float)
SPACINGS = {
    "bundled": BUNDLED,
    "logarithmic": np.concatenate([[0], np.geomspace(1e5, 1e8, 39)]),
    "even": np.linspace(0, 3e7, 60),
}
COUNTS = (12, 26, 60, 154)
#: As published series are spaced: powers of two, then evenly; and eleven, most of them early.
PYTHIA = 2e6 * np.concatenate([2.0 ** np.arange(10), np.arange(1, 144) * 1000])
ELEVEN = 1e8 * np.array([0.2, 0.8, 1.3, 1.9, 3.1, 5.3, 7.5, 9.7, 12, 16, 220])


def checkpoints(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(count)
    return {
        "log": np.geomspace(1e6, 1e10, count),
        "even": np.linspace(0, 1e10, count + 1)[1:],
        "irregular": np.sort(np.exp(rng.uniform(np.log(1e6), np.log(1e10), count))),
    }


#: Where false alarms are counted: every count and every kind of spacing, and of the pairs of both
#: what is not between two others.
LOOKED_AT = {"log": COUNTS, "even": (12, 26), "irregular": (12, 26, 60)}


def every_spacing() -> dict[str, np.ndarray]:
    rows = {
        f"{spacing} {n}": checkpoints(n)[spacing]
        for spacing in LOOKED_AT
        for n in LOOKED_AT[spacing]
    }
    return rows | {"Pythia's 153": PYTHIA, "bundled 25": BUNDLED[1:], "eleven": ELEVEN}


def noise(rng: np.random.Generator, n: int, rho: float, sigma: float) -> np.ndarray:
    return noises(rng, 1, n, rho, sigma)[0]


def noises(rng: np.random.Generator, many: int, n: int, rho: float, sigma: float) -> np.ndarray:
    """[curve, checkpoint]: an AR(1) process each."""
    found = rng.standard_normal((many, n))
    for i in range(1, n):
        found[:, i] = rho * found[:, i - 1] + np.sqrt(1 - rho**2) * found[:, i]
    return sigma * found


def power_law(x: np.ndarray, exponent: float = 0.3, onset: float = 2e5) -> np.ndarray:
    return 2 + 4 * (1 + x / onset) ** -exponent


def step(x: np.ndarray, middle: float, width: float) -> np.ndarray:
    return 1 / (1 + np.exp(-(np.log(np.maximum(x, 1e4)) - np.log(middle)) / width))


def alarms(x: np.ndarray, curves: np.ndarray) -> float:
    """The share of curves [curve, checkpoint] in which a change is found at the 5 % level."""
    evidence = step_shapes(tuple(x)).evidence(curves)
    abrupt, _ = chance(tuple(x), evidence)
    # Only to save time: find_change asks the same, with more draws near the level.
    worth = curves[(abrupt.p <= 0.1) & (evidence.abrupt > SLIGHT)]
    return sum(find_change(x, y) is not None for y in worth) / len(curves)


def steps(x: np.ndarray, centres: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """[curve, checkpoint]: from 0 to 1, centres in ln x, widths in doublings."""
    return np.array([step(x, np.exp(c), w * ABRUPT) for c, w in zip(centres, widths, strict=True)])


Nulls = dict[str, Callable[[], np.ndarray]]


def nulls(x: np.ndarray, rng: np.random.Generator) -> Nulls:
    """Curves without an abrupt step, of about unit height, with parameters at random."""
    u, share, order = np.log(x), x / x[-1], np.arange(len(x)) / len(x)
    v = (u - u[0]) / np.ptp(u)
    draw = rng.uniform

    def kinked(at: np.ndarray) -> np.ndarray:
        return np.clip(at - draw(0.1, 0.9), 0, None) + draw(-1, 1) * at

    def triangles(at: np.ndarray) -> np.ndarray:
        return 2 * np.abs((at * draw(1, 6) + draw(0, 1)) % 1 - 0.5)

    return {
        "power law": lambda: (1 + x / np.exp(draw(u[0], u[-1]))) ** -draw(0.1, 1),
        "saturating": lambda: 1 - np.exp(-x / np.exp(draw(u[0], u[-1]))),
        "linear": lambda: share,
        "kink in ln x": lambda: kinked(v),
        "kink in x": lambda: kinked(share),
        "triangles": lambda: triangles(v),
        "sawtooth": lambda: (order * draw(3, 6) + draw(0, 1)) % 1,
        "gradual": lambda: step(x, np.exp(draw(u[0], u[-1])), draw(2.2, 4) * ABRUPT),
    }


#: Of sawteeth: along which axis teeth are of even length, and how many checkpoints a typical one
#: has.
AXES, SHORT, LONG = ("checkpoints", "ln tokens", "tokens"), (2.5, 5.0), (5.0, 9.0)


def sawtooth(
    x: np.ndarray, rng: np.random.Generator, axis: str, each: tuple[float, float]
) -> np.ndarray | None:
    """From 0 to 1, either side of a tooth the steep one. Two falls at least are seen, which is to
    say that the checkpoints around them are less than half a tooth apart: of one fall seen nobody
    can tell that it is a tooth's. None where the checkpoints are too far apart for that."""
    at = {"checkpoints": np.arange(len(x)), "ln tokens": np.log(x), "tokens": x}[axis]
    for tries in (8, 300):  # mostly one of few will do
        teeth = rng.uniform(*each, (tries, 1)) * np.median(np.diff(at))
        phases = at / teeth + rng.uniform(size=(tries, 1))
        seen = (np.diff(phases) < 0.5) & (np.diff(np.floor(phases)) == 1)
        for phase in phases[seen.sum(1) >= 2]:
            return phase % 1 if rng.uniform() < 0.5 else 1 - phase % 1
    return None


def alarms_of_sawteeth(
    x: np.ndarray, rng: np.random.Generator, axis: str, each: tuple[float, float], many: int
) -> float:
    """Of two noise levels the worse; NaN where there are no such sawteeth."""
    if sawtooth(x, rng, axis, each) is None:
        return np.nan
    clean = np.array([sawtooth(x, rng, axis, each) for _ in range(many)])
    return max(alarms(x, clean + noises(rng, many, len(x), 0.3, s)) for s in (0.002, 0.05))


#: Of 300 curves at the 5 % level, this share is exceeded by accident once in 2000 times.
TOO_MANY = 0.1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["triangles", "sawtooth", "kink in ln x", "gradual"])
def test_waves_kinks_and_gradual_steps_are_no_changes(kind) -> None:
    rng = np.random.default_rng(9)
    for n in (26, 60):
        x = checkpoints(n)["log"]
        make = nulls(x, rng)[kind]
        for sigma in (0.02, 0.15):
            curves = np.array([make() + noise(rng, n, 0.3, sigma) for _ in range(300)])
            assert alarms(x, curves) <= TOO_MANY


@pytest.mark.parametrize(
    ("later", "kept"),
    [("stays", True), ("loses a third", True), ("loses all", False), ("makes up", False)],
)
def test_what_lasts(later, kept) -> None:
    x = checkpoints(26)["log"]
    v = np.linspace(-1, 1, 26)
    risen = np.where(v > 0, 1.0, 0.0)
    trend = {
        "stays": 0 * v,
        "loses a third": -risen * v / 3,
        "loses all": -risen * np.minimum(4 * v, 1),
        "makes up": -2 * v,
    }[later]
    for sign in (1, -1):
        y = sign * (risen + trend)
        assert lasts(x, y, float(x[12]), float(x[13]), float(sign)) == kept
        assert lasts(x, y + sign * 3 * v, float(x[12]), float(x[13]), float(sign))
    assert not lasts(x, (3 * v) % 1, float(x[8]), float(x[9]), -1.0)


def test_what_the_curve_undoes_is_said_to_be_undone() -> None:
    rng = np.random.default_rng(12)
    x = checkpoints(60)["log"]
    rise = step(x, 1e7, 0.05)
    lost = np.clip((np.log(x) - np.log(2e7)) / (np.log(2e8) - np.log(2e7)), 0, 1)
    for kept, found in ((0.2, False), (0.8, True)):
        head = 0.02 + 0.8 * rise * (1 - (1 - kept) * lost)
        scores = np.stack([head, np.full(60, 0.02)], 1)[:, None]
        scores = scores + 0.01 * rng.standard_normal(scores.shape)
        phases = phase_changes(None, a_series(x, x, scores)[1])
        name = "prefix_matching L0H0"
        assert (list(phases.changes), list(phases.undone)) == (
            ([name], []) if found else ([], [name])
        )
        assert not phases.gradual
        one = (phases.changes if found else phases.undone)[name]
        assert one.lasts == found
        assert one.middle == pytest.approx(1e7, rel=0.1)
        said = (
            f"Undone by the rest of the curve: prefix matching L0H0 (rise of {one.size:.3g} within"
        )
        assert (said in phases.text) == (not found)


def test_two_doublings_in_noise_are_not_taken_for_less_than_one() -> None:
    rng = np.random.default_rng(9)
    x = checkpoints(12)["log"]
    centres = rng.uniform(np.log(x[4]), np.log(x[8]), 1000)
    curves = steps(x, centres, np.full(1000, 2.1))
    assert alarms(x, curves + 0.15 * rng.standard_normal(curves.shape)) <= 0.06


@pytest.mark.slow
def test_false_alarms_of_every_kind(capsys) -> None:
    rng, many = np.random.default_rng(1), 300
    found: dict[str, dict[str, float]] = {}
    for name, x in every_spacing().items():
        found[name] = {
            f"AR({rho})": alarms(x, noises(rng, many, len(x), rho, 1)) for rho in (0.0, 0.3, 0.6)
        }
        for kind, make in nulls(x, rng).items():
            clean = np.array([make() for _ in range(many)])
            found[name][kind] = max(
                alarms(x, clean + noises(rng, many, len(x), 0.3, s)) for s in (0.002, 0.05)
            )
    say(capsys, "False alarms in %, level 5 %; of two noise levels the worse", found)
    assert {(n, k): r for n, row in found.items() for k, r in row.items() if r > TOO_MANY} == {}


@pytest.mark.slow
def test_false_alarms_of_sawteeth(capsys) -> None:
    rng, many = np.random.default_rng(13), 150
    found = {
        name: {
            f"{axis}, {each[0]:g}-{each[1]:g}": alarms_of_sawteeth(x, rng, axis, each, many)
            for axis in AXES
            for each in (SHORT, LONG)
        }
        for name, x in every_spacing().items()
    }
    say(capsys, "False alarms in % of teeth even in .. and of so many checkpoints", found)
    assert {(n, k): r for n, row in found.items() for k, r in row.items() if r > 0.05} == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "height", "width", "least"),
    [(154, 10, 0.4, 0.9), (60, 10, 0.4, 0.8), (60, 30, 0.8, 0.8), (26, 30, 0.4, 0.8)],
)
def test_steps_are_found_as_often_as_that(count, height, width, least) -> None:
    """By height over noise, and width in doublings."""
    rng, many = np.random.default_rng(2), 60
    x = checkpoints(count)["log"]
    # Steps that some checkpoint sees on its way: between the checkpoints a third and two thirds
    # through.
    centres = rng.uniform(np.log(x[count // 3]), np.log(x[2 * count // 3]), many)
    y = height * steps(x, centres, np.full(many, width)) + noises(rng, many, count, 0.3, 1)
    assert alarms(x, y) >= least


@pytest.mark.slow
def test_coverage_of_the_intervals(capsys) -> None:
    rng, many = np.random.default_rng(3), 100
    found: dict[str, dict[str, float]] = {}
    for n in COUNTS:
        for spacing, x in checkpoints(n).items():
            u, held = np.log(x), np.zeros(3)
            for _ in range(many):
                i = rng.integers(n // 4, 3 * n // 4)
                centre, width = rng.uniform(u[i - 1], u[i]), ABRUPT * rng.uniform(0.2, 0.95)
                y = 0.5 * (u - u[0]) / np.ptp(u) + step(x, np.exp(centre), width)
                y = y + noise(rng, n, rng.choice([0.0, 0.3]), rng.choice([0.02, 0.1]))
                truth = centre + np.array([-1, 0, 1]) * np.log(9) * width
                held += interval_holds(x, y, truth)
            names = ("start", "middle", "end")
            found[f"{spacing} {n}"] = dict(zip(names, held / many, strict=True))
    say(capsys, "Intervals that hold the truth in %", found)
    every = np.array([list(row.values()) for row in found.values()])
    assert every.min() >= 0.88
    assert every.mean() >= 0.94


def interval_holds(x: np.ndarray, y: np.ndarray, truth: np.ndarray) -> np.ndarray:
    places = step_places(x, y, 3 * ABRUPT)
    reach = np.array([places.quantiles(ends, [0.025, 0.975]) for ends in places.ends()])
    return (reach[:, 0] <= truth) & (truth <= reach[:, 1])


def test_where_a_step_is_does_not_depend_on_the_curves_before() -> None:
    x, other = checkpoints(26)["log"], checkpoints(26)["even"]
    rng = np.random.default_rng(4)
    curves = [step(x, at, 0.05) + noise(rng, 26, 0, 0.02) for at in (3e7, 1e8)]
    alone = []
    for widest in (3 * ABRUPT, 4.4 * ABRUPT):
        _widest_grid.cache_clear()
        alone.append(step_places(x, curves[1], widest))
    for before, widest, expected in zip((curves[0], -curves[0]), (3, 4.4), alone, strict=True):
        step_places(x, before, widest * ABRUPT)
        step_places(other, before, widest * ABRUPT)
        found = step_places(x, curves[1], widest * ABRUPT)
        np.testing.assert_array_equal(found.ends(), expected.ends())
        np.testing.assert_array_equal(found.weights, expected.weights)
    assert alone[1].widths.max() > alone[0].widths.max()


def say(capsys, title: str, rows: dict[str, dict[str, float]]) -> None:
    with capsys.disabled():
        print(f"\n{title}")
        print(" " * 14 + " ".join(f"{name:>12}" for name in next(iter(rows.values()))))
        for name, row in rows.items():
            print(f"{name:14}" + " ".join(f"{100 * share:12.1f}" for share in row.values()))


@pytest.mark.slow
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("sigma", [0.0, 0.002, 0.1])
def test_a_smooth_power_law_gives_none(spacing, sigma) -> None:
    x = SPACINGS[spacing]
    rng = np.random.default_rng(0)
    for exponent, onset in ((0.3, 2e5), (0.1, 1e4), (0.8, 5e5)):
        curve = power_law(x, exponent, onset)
        curves = [curve + noise(rng, len(x), 0.3, sigma) for _ in range(30)]
        assert sum(find_change(x, y) is not None for y in curves) <= 5


@pytest.mark.parametrize("spacing", SPACINGS)
def test_steps_are_found_and_the_intervals_hold_them(spacing) -> None:
    x, width = SPACINGS[spacing], 0.05
    rng = np.random.default_rng(1)
    held, found, tries = np.zeros(3), 0, 40
    for _ in range(tries):
        middle = np.exp(rng.uniform(np.log(3e6), np.log(6e6)))
        y = power_law(x) - step(x, middle, width) + noise(rng, len(x), 0.3, 0.05)
        change = find_change(x, y)
        if change is None:
            continue
        found += 1
        assert change.size < 0
        truth = middle * np.exp(np.array([-1, 0, 1]) * width * np.log(9))
        intervals = (change.start_interval, change.middle_interval, change.end_interval)
        held += [low <= t <= high for (low, high), t in zip(intervals, truth, strict=True)]
    assert found >= 0.75 * tries
    assert (held / found >= 0.87).all(), held / found


def heads_of(rng: np.random.Generator, forming: list[list[float]], count: int) -> np.ndarray:
    """Prefix matching [checkpoint, head] at `ELEVEN`: chance about 0.013, but of those forming."""
    curves = 0.013 + 0.003 * rng.standard_normal((len(ELEVEN), count))
    for i, curve in enumerate(forming):
        curves[:, i] = np.array(curve) + 0.015 * rng.standard_normal(len(ELEVEN))
    return curves


#: How one head, and two, form in eleven checkpoints: within a doubling, and weaker at the end.
ONE = [[0.01, 0.01, 0.01, 0.0, 0.01, 0.15, 0.62, 0.7, 0.72, 0.74, 0.7]]
TWO = [
    [0.01, 0.01, 0.01, 0.0, 0.02, 0.58, 0.65, 0.64, 0.62, 0.65, 0.53],
    [0.01, 0.01, 0.01, 0.0, 0.02, 0.53, 0.62, 0.63, 0.62, 0.66, 0.54],
]


@pytest.mark.parametrize(("forming", "heads"), [([], 8), (ONE, 16), (TWO, 24)])
def test_eleven_checkpoints_show_whether_heads_form(forming, heads) -> None:
    for seed in range(20):
        curves = heads_of(np.random.default_rng(seed), forming, heads)
        found = find_changes(ELEVEN, curves, smallest=SMALLEST_RISE, seed=seed)
        rising = [change for change in found if change is not None]
        assert bool(rising) == bool(forming)
        for change in rising:
            assert 3e8 < change.start < change.end < 1.5e9


def test_the_level_can_be_reached_among_2000_heads() -> None:
    rng = np.random.default_rng(4)
    x = checkpoints(26)["log"]
    curves = rng.standard_normal((26, 2000))
    curves[:, 7] += 40 * step(x, 1e8, 0.1)
    found = find_changes(x, curves)
    assert [i for i, change in enumerate(found) if change is not None] == [7]
    assert found[7] is not None
    assert found[7].p_value < 0.05 / 2000
    assert found[7].p_error < found[7].p_value


def test_no_answer_hangs_on_the_seed() -> None:
    x = checkpoints(26)["log"]
    rng = np.random.default_rng(5)
    for _ in range(10):
        y = 3 * step(x, 1e8, 0.05) + noise(rng, 26, 0.3, 1)
        found = [find_change(x, y, level=0.2, seed=seed) for seed in range(4)]
        assert len({None if one is None else (one.p_value, one.middle) for one in found}) == 1


def test_p_is_the_same_in_another_session() -> None:
    x = tuple(checkpoints(12)["log"])
    evidence = step_shapes(x).evidence(np.random.default_rng(0).standard_normal((20, 12)))
    first, _ = chance(x, evidence)
    for drawn in (step_chance._tails, step_chance._block):
        drawn.cache_clear()
    again, _ = chance(x, evidence)
    assert (first.p == again.p).all()


def test_a_step_that_is_not_shown_to_be_abrupt_is_no_change() -> None:
    """Where checkpoints are few, the narrowest may fit best without any of them telling."""
    rng = np.random.default_rng(10)
    x = checkpoints(12)["log"]
    centres = rng.uniform(np.log(3e7), np.log(3e8), 60)
    curves = steps(x, centres, np.full(60, 0.8)) + 0.04 * rng.standard_normal((60, 12))
    of_abrupt, of_step = chance(tuple(x), step_shapes(tuple(x)).evidence(curves), 32)
    found = [find_change(x, y) is not None for y in curves]
    assert not any(np.array(found) & (of_abrupt.p > 0.05))
    assert ((of_step.p < 0.01) & (of_abrupt.p > 0.05)).sum() >= 5


def test_p_is_known_to_its_error() -> None:
    """From other draws it comes out the same, within a few of its standard errors."""
    rng = np.random.default_rng(6)
    x = tuple(checkpoints(12)["log"])
    evidence = step_shapes(x).evidence(rng.standard_normal((400, 12)))
    few, many = (chance(x, evidence, blocks)[0] for blocks in (8, 64))
    off = np.abs(few.p - many.p) / np.hypot(few.error, many.error)
    assert np.mean(off < 3) > 0.95
    assert (many.error < few.error).mean() > 0.9


def a_series(
    x: np.ndarray, measured: np.ndarray, scored: np.ndarray
) -> tuple[xr.Dataset, xr.Dataset]:
    """Measures, all with the same curve, and scores [checkpoint, layer, head]."""
    where = {"tokens": ("checkpoint", x), "step": ("checkpoint", np.arange(len(x)))}
    names = ("in_context_learning", "loss", "induction_loss")
    of_measures: dict = dict.fromkeys(names, ("checkpoint", measured))
    of_measures["token_loss"] = (("checkpoint", "row"), np.outer(measured, [1.0, 2.0, 0.5]))
    of_scores = {"prefix_matching": (("checkpoint", "layer", "head"), scored)}
    return xr.Dataset(of_measures, where), xr.Dataset(of_scores, where)


def test_induction_heads_form_from_the_first_to_the_last() -> None:
    rng = np.random.default_rng(3)
    x = checkpoints(26)["log"]
    scores = 0.02 + 0.002 * rng.standard_normal((26, 2, 3))
    for head, middle, size in ((0, 2e8, 0.8), (2, 1e8, 0.6), (1, 3e8, 0.15)):
        scores[:, 1, head] += size * step(x, middle, 0.05)
    phases = phase_changes(*a_series(x, rng.standard_normal(26), scores))
    assert "prefix_matching L1H1" in phases.changes  # it rises, and not by enough
    assert phases.tested
    assert phases.formation is not None
    assert phases.formation.heads == ("L1H2", "L1H0")
    first, last = (phases.changes[f"prefix_matching {head}"] for head in phases.formation.heads)
    assert (phases.formation.start, phases.formation.end) == (first.start, last.end)
    falling = phase_changes(*a_series(x, rng.standard_normal(26), 1 - scores))
    assert "prefix_matching L1H0" in falling.changes
    assert falling.formation is None


@pytest.mark.parametrize("clear", ["in_context_learning", "induction_loss"])
def test_the_window_is_that_of_the_measure_whose_ends_are_known_better(clear) -> None:
    rng = np.random.default_rng(5)
    x = checkpoints(26)["log"]
    measured, scored = a_series(x, -step(x, 1e8, 0.05), np.zeros((26, 1, 1)))
    for name in ("in_context_learning", "induction_loss"):
        measured[name] = measured[name] + noise(rng, 26, 0, 0.005 if name == clear else 0.12)
    found = phase_changes(measured, scored)
    assert {"in_context_learning", "induction_loss"} <= set(found.changes)
    assert found.window == clear


def test_what_the_measures_show_is_not_hidden_by_heads() -> None:
    rng = np.random.default_rng(7)
    x = checkpoints(26)["log"]
    curve = -step(x, 1e8, 0.05) + noise(rng, 26, 0, 0.05)
    for scale in (0.0, 0.1):
        series = a_series(x, curve, 0.1 + scale * rng.standard_normal((26, 40, 50)))
        found = phase_changes(*series)
        assert found.window == "in_context_learning"
        assert found.changes[found.window].middle == pytest.approx(1e8, rel=0.1)


@pytest.mark.parametrize("doublings", [1.4, 2.3, 3.0])
def test_a_change_slower_than_a_doubling_is_offered_as_gradual(doublings) -> None:
    rng = np.random.default_rng(8)
    x = checkpoints(60)["log"]
    head = 0.02 + 0.8 * step(x, 1e8, doublings * ABRUPT)
    scores = np.stack([head, np.full(60, 0.02)], 1)[:, None] + 0.01 * rng.standard_normal(
        (60, 1, 2)
    )
    found = phase_changes(None, a_series(x, x, scores)[1])
    assert not found.changes
    assert found.window is None
    assert list(found.gradual) == ["prefix_matching L0H0"]
    change = found.gradual["prefix_matching L0H0"]
    assert change.doublings == pytest.approx(doublings, rel=0.2)
    low, high = change.doublings_interval
    assert low < doublings < high
    assert change.size == pytest.approx(0.8, abs=0.35)  # trend and wide steps share the rise
    assert not change.abrupt
    assert "5% level: none found faster than a doubling of the tokens seen." in found.text
    assert "two of like height hide each other" in found.text
    said = f"prefix matching L0H0 (gradual rise, {change.doublings:.1f} doublings)"
    assert said in found.text
    assert find_changes(x, scores[:, 0]) == [None, None]
    assert [step is None for step in find_steps(x, scores[:, 0])] == [False, True]


@pytest.mark.parametrize("count", [5, 9])
def test_few_checkpoints_say_between_which_the_change_lies(count) -> None:
    x = np.geomspace(1e7, 1e10, count)
    curve = np.where(np.arange(count) < count - 2, 0.1, -0.5) - 0.01 * np.arange(count)
    scores = np.full((count, 2, 2), 0.02)
    scores[count - 1, 1, 0] = 0.7
    found = phase_changes(*a_series(x, curve, scores))
    assert not found.changes
    assert found.window is None
    assert not found.tested
    assert found.formation is None
    between = found.between["in_context_learning"]
    assert (between.before, between.after) == (x[count - 3], x[count - 2])
    assert between.size == pytest.approx(-0.61)
    assert between.share == pytest.approx(0.61 / np.ptp(curve))
    assert (found.between["prefix_matching L1H0"].after, len(found.between)) == (x[-1], 4)
    assert f"{count} checkpoints are too few to test" in found.text
    assert "prefix matching L1H0" in found.text
    with pytest.raises(ProbeError, match="needs 10 checkpoints; there are 4"):
        phase_changes(*a_series(x[:4], curve[:4], scores[:4]))


def test_a_step_by_hand() -> None:
    x = SPACINGS["logarithmic"]
    y = 0.02 + 0.9 * step(x, 3e6, 0.03)
    change = find_change(x, y + noise(np.random.default_rng(0), len(x), 0, 1e-3))
    assert change is not None
    assert change.size == pytest.approx(0.9, abs=0.05)
    assert change.middle == pytest.approx(3e6, rel=0.1)
    assert change.start < change.middle < change.end < 2 * change.start
    assert change.p_value <= 0.005


@pytest.mark.parametrize(("second", "found"), [(1.0, False), (-1.0, False), (0.3, True)])
def test_of_two_changes_the_higher_is_found_if_it_is_much_higher(second, found) -> None:
    rng = np.random.default_rng(11)
    x = checkpoints(60)["log"]
    y = step(x, 3e7, 0.05) + second * step(x, 6e8, 0.05)
    changes = [find_change(x, y + noise(rng, 60, 0, 0.02)) for _ in range(20)]
    assert [change is not None for change in changes] == [found] * 20
    assert all(change.middle == pytest.approx(3e7, rel=0.1) for change in changes if change)


@pytest.mark.parametrize("spacing", ["log", "even"])
@pytest.mark.parametrize("at", [0, 1, 13, 24, 25])
def test_one_checkpoint_that_is_wrong_is_no_change(spacing, at) -> None:
    x = checkpoints(26)[spacing]
    for sigma in (0.001, 0.05):
        y = noise(np.random.default_rng(0), 26, 0, sigma)
        y[at] += 1
        assert find_change(x, y) is None


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_the_unit_of_a_curve_does_not_matter(unit) -> None:
    x = checkpoints(26)["log"]
    y = step(x, 1e8, 0.05) + noise(np.random.default_rng(0), 26, 0, 0.02)
    one, other = find_change(x, y), find_change(x, unit * (y + 2))
    assert one is not None
    assert other is not None
    assert other.middle == pytest.approx(one.middle)
    assert other.size == pytest.approx(unit * one.size)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-3)


def test_gaps_are_left_out_and_too_few_points_refused() -> None:
    x = SPACINGS["even"]
    y = step(x, 1e7, 0.03) + noise(np.random.default_rng(0), len(x), 0, 0.01)
    whole = find_change(x, y)
    y[[3, 40]] = np.nan
    gappy = find_change(x, y)
    assert whole is not None
    assert gappy is not None
    assert gappy.middle == pytest.approx(whole.middle, rel=0.05)
    with pytest.raises(ProbeError, match="10 checkpoints with values; there are 5"):
        find_change(x[:5], y[-5:])
    with pytest.raises(ProbeError, match="level=5 was given"):
        find_change(np.arange(30.0), np.zeros(30), level=5.0)
    with pytest.raises(ProbeError, match="rising order"):
        find_change(x[::-1].copy(), y)
    gaps = np.where(np.arange(60) < 52, np.nan, y)
    found = find_changes(x, np.stack([y, gaps], 1))
    assert found[0] is not None
    assert found[1] is None


@pytest.mark.unchecked
def test_a_curve_of_another_length_is_refused() -> None:
    with pytest.raises(ProbeError, match="x has 30 checkpoints and the curve 29"):
        find_change(np.arange(30.0), np.zeros(29))


def test_holm_holds_the_level_for_all_heads_together() -> None:
    x = SPACINGS["even"]
    rng = np.random.default_rng(2)
    families = [
        find_changes(x, np.stack([noise(rng, len(x), 0, 1) for _ in range(10)], 1))
        for _ in range(40)
    ]
    assert sum(any(change is not None for change in family) for family in families) <= 6


def test_a_lead_is_the_difference_of_the_middles() -> None:
    x = SPACINGS["even"]
    rng = np.random.default_rng(3)
    early, late = (
        find_change(x, step(x, at, 0.03) + noise(rng, len(x), 0, 0.01)) for at in (6e6, 1.2e7)
    )
    assert early is not None
    assert late is not None
    assert lead(early, late).lag == pytest.approx(6e6, rel=0.15)
    assert lead(early, late).differs
    assert not lead(early, early).differs


@pytest.mark.slow
@pytest.mark.parametrize("name", DEMOS)
def test_the_bundled_series(name) -> None:
    series = load_demo(name)
    scores = sweep(series, ["prefix_matching"], progress=False)
    text = TextProbe.default(series.model(0), rows=64).tokens  # a quarter tells it as well
    found = phase_changes(measures(series, text, progress=False), scores)
    formed = np.argwhere(scores.prefix_matching.values[-1] > 0.5)
    heads = [f"L{layer}H{head}" for layer, head in formed]
    assert bool(heads) == (name != "attn-only-1l")
    assert sorted(n for n in found.changes if "prefix" in n) == [
        f"prefix_matching {head}" for head in heads
    ]
    assert "loss" not in found.changes
    if not heads:
        assert found.window is None
        assert not found.changes
        assert "none found" in found.text
        return
    assert found.window is not None
    window = found.changes[found.window]
    earliest, latest = {"attn-only-2l": (6e6, 7.5e6), "attn-only-3l": (7e6, 8.5e6)}[name]
    assert earliest < window.start < window.end < latest
    table = found.to_dataframe()
    assert list(table.index) == list(found.changes)
    assert (table.start_low <= table.start).all()
    assert found.formation is not None
    first = f"prefix_matching {found.formation.heads[0]}"
    assert not found.lead("induction_loss", first).interval[0] > 0
    assert found.turn is not None
    order = found.order()
    assert set(order) == {*found.changes, "loss_pca"}
    assert [one.middle for one in order.values()] == sorted(one.middle for one in order.values())
    forth, back = (
        found.lead(*pair) for pair in (("loss_pca", found.window), (found.window, "loss_pca"))
    )
    assert forth.lag == -back.lag == found.changes[found.window].middle - found.turn.x
    assert forth.interval[0] <= forth.lag <= forth.interval[1]
    with pytest.raises(ProbeError, match="'loss' has no change"):
        found.lead("loss", "induction_loss")
