"""The reader's own scores in an explorer: beside ours, and said to be theirs."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import front_end
import numpy as np
import pytest
import torch
import traitlets
import xarray
from induction_explorer import CheckpointSeries, InductionExplorer
from induction_kernels import attention_score, sweep
from induction_kernels.errors import InductionError, SelectionError
from small_models import bridge, variants
from wire_page import Page

SHAPE = (2, 4)


def array(steps, name: str = "llc", **attrs: Any) -> xarray.DataArray:
    values = np.arange(len(steps) * 8, dtype="float32").reshape(-1, *SHAPE)
    return xarray.DataArray(
        values,
        dims=("checkpoint", "layer", "head"),
        coords={"step": ("checkpoint", steps)},
        name=name,
        attrs=attrs,
    )


def norm(model, probe):
    """How much a head's W_O weighs."""
    return model.W_O.norm(dim=(-2, -1))


@contextmanager
def shown(series, scores, **traits: Any) -> Iterator[InductionExplorer]:
    explorer = InductionExplorer(series, scores=scores, **traits)
    try:
        explorer.wait()
        yield explorer
    finally:
        explorer.close()


def info(explorer: InductionExplorer, name: str, series: int = 0) -> dict[str, Any]:
    return next(one for one in explorer._scores[series] if one["name"] == name)


def grid(explorer: InductionExplorer, name: str) -> np.ndarray:
    sent = explorer._grids[f"0/{name}"]
    return front_end.array(sent)


def test_they_stand_beside_ours_and_have_the_numbers_of_a_sweep(series) -> None:
    def two_back(probe):
        return range(2, probe.tokens.shape[1]), range(probe.tokens.shape[1] - 2)

    scores = [array([10, 1000]), norm, attention_score("two_back", two_back, formula="A[q, q−2]")]
    swept = sweep(series, scores, progress=False)
    with shown(series, scores) as explorer:
        for name in ("llc", "norm", "two_back"):
            np.testing.assert_array_equal(grid(explorer, name), swept[name])
            assert info(explorer, name)["group"] == "Yours"
            assert info(explorer, name)["own"]
        assert not info(explorer, "induction")["own"]
        assert np.isfinite(grid(explorer, "induction")).all()
        assert info(explorer, "llc")["said"] == ["Has 2 of 4 checkpoints, matched by step"]
        assert info(explorer, "norm")["said"][0].endswith(" a checkpoint")
        assert info(explorer, "norm")["meaning"] == "How much a head's W_O weighs."
        found = explorer.scores()
        np.testing.assert_array_equal(found["norm"], swept["norm"])
        assert found["llc"].attrs["own"] is True


@pytest.mark.slow
def test_names_narrow_ours_and_without_any_all_of_ours_are_there(series) -> None:
    with shown(series, ["previous_token", norm]) as explorer:
        assert [one["name"] for one in explorer._scores[0]] == ["previous_token", "norm"]
        assert explorer.score == "previous_token"
        with pytest.raises(traitlets.TraitError, match="it may be previous_token, norm"):
            explorer.score = "induction"
    with shown(series, None) as explorer:
        every = len(explorer._scores[0])
    with shown(series, norm) as explorer:
        assert len(explorer._scores[0]) == every + 1


def test_one_may_be_shown_first(series) -> None:
    with shown(series, norm, score="norm", checkpoint=1) as explorer:
        assert explorer.score == "norm"
        assert explorer._draw_picture().said.startswith("small · Norm (yours) · ")


def test_of_one_checkpoint_it_is_not_said_which_an_array_has(series) -> None:
    whole = array([0])
    with shown(series.select([0]), whole.isel(checkpoint=0, drop=True)) as explorer:
        assert info(explorer, "llc")["said"] == []
        assert np.array_equal(grid(explorer, "llc"), whole)
    with shown(series, whole) as explorer:
        assert info(explorer, "llc")["said"] == ["Has 1 of 4 checkpoints, matched by step"]


def test_the_chosen_one_comes_alone_and_whoever_gave_it(series) -> None:
    with shown(series.select([0]), ["induction", array([0]), norm]) as explorer:
        session = explorer._session
        for name in ("llc", "norm"):
            known = session.grids[name].copy()
            session.grids[name][:] = np.nan
            session.own._known.clear()
            list(session.score_alone(0, name))
            assert np.array_equal(session.grids[name], known), name
            assert session.knows(0, name)
            assert not session.own.knows(0)


def test_where_a_function_fails_is_said_and_tried_again(series) -> None:
    state = {"broken": True, "calls": 0}

    def mine(model, probe):
        state["calls"] += 1
        if state["broken"] and state["calls"] in {1, 2}:
            raise ValueError("by hand")
        return torch.ones(SHAPE)

    with shown(series, mine) as explorer:
        faults = info(explorer, "mine")["faults"]
        assert len(faults) == 2
        assert set(faults.values()) == {"mine raised ValueError: by hand"}
        gaps = np.isnan(grid(explorer, "mine")).all((1, 2))
        assert {str(i) for i in np.flatnonzero(gaps)} == set(faults)
        assert np.isfinite(grid(explorer, "induction")).all()
        assert explorer._series[0]["faults"] == {}
        state["broken"] = False
        Page(explorer).ask("again", score="mine")
        explorer.wait()
        assert info(explorer, "mine")["faults"] == {}
        assert (grid(explorer, "mine") == 1).all()
        assert state["calls"] == 6


def test_rows_that_a_page_asks_for_wait_for_the_function(series) -> None:
    go = threading.Event()

    def slow(model, probe):
        go.wait(20)
        return torch.ones(SHAPE)

    explorer = InductionExplorer(series, scores=["previous_token", slow])
    page = Page(explorer)
    try:
        while not explorer._session.is_scored(0):
            go.wait(0.01)
        request = {"id": "r1", "kind": "rows", "series": 0, "of": "grids", "checkpoints": [0]}
        explorer._requests.receive(request | {"name": "slow"}, page.send)
        ((body, _),) = page.parts("r1")
        assert body["checkpoints"] == []
    finally:
        go.set()
        explorer.wait()
        explorer.close()


@pytest.mark.slow
def test_what_a_function_changes_is_undone_and_said(series) -> None:
    with shown(series, None) as explorer:
        before = grid(explorer, "induction").copy()

    def mine(model, probe):
        with torch.no_grad():
            for one in model.parameters():
                one.mul_(3)
        return torch.ones(SHAPE)

    with shown(series, mine) as explorer:
        np.testing.assert_array_equal(grid(explorer, "induction"), before)
        assert (
            "Changes the model, which is undone: weights of " in info(explorer, "mine")["said"][1]
        )


def test_the_model_in_the_reader_s_hands_is_not_the_one_that_functions_get(series) -> None:
    held, seen = series.load(0), []
    with shown(series, {"mine": lambda model, probe: seen.append(model) or torch.ones(SHAPE)}):
        pass
    assert len(seen) == 4
    assert all(one is not held for one in seen)


@pytest.mark.slow
def test_arrays_of_several_series_say_of_which_they_are(series, tokenizer) -> None:
    other = CheckpointSeries.from_state_dicts(
        bridge(), variants(bridge()), steps=[0, 10, 100, 1000], tokenizer=tokenizer, name="other"
    )
    with pytest.raises(SelectionError, match="does not say of which series it is"):
        InductionExplorer([series, other], scores=array([0, 10]))
    with pytest.raises(SelectionError, match="says 'third' of which series"):
        InductionExplorer([series, other], scores=array([0], series="third"))
    with shown([series, other], [array([0, 10], series="other"), norm]) as explorer:
        names = [[one["name"] for one in each] for each in explorer._scores]
        assert "llc" not in names[0]
        assert "llc" in names[1]
        assert "norm" in names[0]
        assert explorer._series[0]["left_out"]["Llc"] == "It is of other."


def test_a_store_shows_those_that_a_sweep_kept(series, tmp_path) -> None:
    calls = iter(range(10))

    def mine(model, probe):
        if next(calls) == 2:
            raise ValueError("by hand")
        return torch.ones(SHAPE)

    place = tmp_path / "x.zarr"
    scores = ["induction", array([10, 1000], units="nat"), mine]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sweep(series, scores, store=place, progress=False)
    explorer = InductionExplorer.from_store(place)
    explorer.wait()
    assert info(explorer, "llc")["own"]
    assert info(explorer, "llc")["units"] == "nat"
    assert info(explorer, "mine")["faults"] == {"2": "mine raised ValueError: by hand"}
    assert explorer._series[0]["faults"] == {}
    explorer.close()
    with pytest.raises(SelectionError, match="was opened from a store"):
        InductionExplorer.from_store(place, scores=norm)


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ("nothing", "There is no score 'nothing'"),
        (array([1, 2]), "no checkpoint in common with small"),
        ({"induction": norm}, "called 'induction', as is one of ours"),
        (3, "int is no score"),
    ],
)
def test_what_is_no_score_is_refused_before_anything_is_shown(series, scores, said) -> None:
    with pytest.raises(InductionError, match=said):
        InductionExplorer(series, scores=scores)


def test_heads_of_ones_own_scores_change_phase(tokenizer) -> None:
    model, steps = bridge(), [int(10 * 1.5**i) for i in range(12)]
    long = CheckpointSeries.from_state_dicts(
        model, variants(model, 12), steps=steps, tokenizer=tokenizer
    )
    values = np.random.default_rng(0).normal(0, 1, (12, *SHAPE))
    values[6:, 1, 2] += 100
    own = array(steps).copy(data=values)
    with shown(long, [own, "previous_token"]) as explorer:
        assert "llc of 8 heads (Holm)" in explorer._phases[0]["text"]
        curves = [one["curve"] for one in explorer._phases[0]["order"]]
        assert [curve for curve in curves if curve.startswith("llc")] == ["llc L1H2"]
        assert explorer._phases[0]["formation"] is None
