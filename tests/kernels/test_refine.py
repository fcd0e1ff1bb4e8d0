"""Few checkpoints, where something happens: first all of training, then closer at the change."""

from __future__ import annotations

import numpy as np
import pytest
import xarray
from induction_kernels import load_demo, sweep
from induction_kernels.checkpoints.checkpoint import Checkpoint
from induction_kernels.errors import SelectionError
from induction_kernels.sweeps.plan import allowed, log_spaced, refined, where_it_moves

SCORES = ["prefix_matching"]


def grown(at: int, steps: list[int]) -> xarray.Dataset:
    """One head of two rises at a step."""
    rise = 1 / (1 + np.exp(-12 * (np.log1p(steps) - np.log1p(at))))
    grid = np.stack([0.01 * np.ones(len(steps)), rise], 1)[:, None, :]
    return xarray.Dataset(
        {"prefix_matching": (("checkpoint", "layer", "head"), grid)},
        coords={"step": ("checkpoint", steps), "tokens": ("checkpoint", [np.nan] * len(steps))},
    )


@pytest.mark.parametrize("at", [5, 300, 20_000])
@pytest.mark.parametrize("budget", [10, 24, 40])
def test_the_second_half_lies_around_the_change(at, budget) -> None:
    steps = [0, *np.unique(np.geomspace(1, 140_000, 150).astype(int)).tolist()]
    checkpoints = [Checkpoint(step) for step in steps]
    first, *closer = refined(
        checkpoints, budget, lambda some: grown(at, [one.step for one in some])
    )
    second = [index for look in closer for index in look]
    assert len(first) + len(second) == len({*first, *second}) == budget
    assert {0, len(steps) - 1} <= set(first)
    x = np.log1p(steps)
    gap = np.diff(x[first]).max()
    taken = np.sort(x[[*first, *second]])
    here = np.searchsorted(taken, np.log1p(at))
    every = np.diff(x)[np.searchsorted(x, np.log1p(at)) - 1]
    assert taken[here] - taken[here - 1] <= max(gap / 4, 2.1 * every)


def test_the_first_are_spread_over_the_logarithm_of_steps() -> None:
    steps = [0, *range(1, 1001)]
    chosen = [steps[i] for i in log_spaced(np.log1p(steps), 8)]
    assert (chosen[0], chosen[-1]) == (0, 1000)
    ratios = np.diff(np.log1p(chosen))
    assert ratios.max() < 1.4 * ratios.min()
    assert log_spaced(np.log1p([0, 1, 2]), 3) == [0, 1, 2]


def test_without_a_change_the_widest_gaps_are_filled() -> None:
    x = np.log1p([0, 1, 3, 7, 15, 31, 63])
    flat = np.zeros((3, 2))
    assert where_it_moves(x, [0, 2, 6], flat, 1) == [4]
    assert where_it_moves(x, [0, 2, 6], flat, 4) == [1, 3, 4, 5]


def test_a_gap_is_no_place_to_look_closer_from() -> None:
    """The checkpoint at 2 could not be read."""
    values = np.array([[0.0], [np.nan], [0.0], [1.0]])
    assert where_it_moves(np.arange(9.0), [0, 2, 4, 8], values, 1) == [6]


def test_how_many_are_read() -> None:
    assert allowed(150, refine=True) == 50
    assert allowed(20, refine=True) == 16
    assert allowed(12, refine=True) == 12
    assert allowed(26, refine=13) == 13


@pytest.mark.unchecked  # the types would be enforced before it is said
def test_how_many_is_a_whole_number_and_not_too_few() -> None:
    for wrong in (3, 0, -1, 2.5, "10"):
        with pytest.raises(SelectionError, match="refine is"):
            allowed(26, wrong)


@pytest.mark.slow
def test_a_refined_sweep_finds_the_change_of_the_bundled_series(tmp_path) -> None:
    """With half of the checkpoints, those that matter; a later whole sweep reads the others."""
    series, place = load_demo("attn-only-2l"), tmp_path / "x.zarr"
    found = sweep(series, SCORES, store=place, refine=13, progress=False)
    assert found.sizes["checkpoint"] == 13
    assert np.isfinite(found["prefix_matching"]).all()
    rising = found["prefix_matching"].sel(layer=1).max("head")
    between = (rising > 0.1) & (rising < 0.9 * rising.max())
    assert between.sum() >= 2
    whole = sweep(series, SCORES, progress=False)
    kept = np.isin(whole["step"], found["step"])
    np.testing.assert_array_equal(found["prefix_matching"], whole["prefix_matching"][kept])

    again = sweep(series, SCORES, store=place, refine=13, progress=False)
    xarray.testing.assert_identical(again, found)
    xarray.testing.assert_identical(sweep(series, SCORES, store=place, progress=False), whole)


def test_it_needs_a_store() -> None:
    with pytest.raises(SelectionError, match=r"refine= was given without store="):
        sweep(load_demo(), refine=True, progress=False)
