"""The reader's own scores: what they are read as, how they are matched, what is said of them."""

from __future__ import annotations

import re
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st
from induction_kernels import (
    CheckpointSeries,
    attention_patterns,
    attention_score,
    function_score,
    head_scores,
    load_demo,
    phase_changes,
    sweep,
)
from induction_kernels.checkpoints.checkpoint import Checkpoint
from induction_kernels.errors import InductionError, ProbeError, SelectionError, StoreError
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.scores.own.arrays import array_score
from induction_kernels.scores.own.functions import source_hash
from short_runs import SHAPE, STEPS, run
from small_models import VOCABULARY, bridge


@pytest.fixture(scope="module")
def series() -> CheckpointSeries:
    return run()


def array(rows: int = 4, name: str | None = "llc", **coords) -> xarray.DataArray:
    values = np.arange(rows * 8, dtype=float).reshape(rows, *SHAPE)
    return xarray.DataArray(
        values,
        dims=("checkpoint", "layer", "head"),
        coords={key: ("checkpoint", value) for key, value in coords.items()},
        name=name,
    )


def swept(series, scores, **options) -> xarray.Dataset:
    return sweep(series, scores, progress=False, **options)


def output_norm(model, probe):
    """How much a head's W_O weighs.

    By its norm.
    """
    return model.W_O.norm(dim=(-2, -1))


# --- readouts of cells ---


def cells_two_back(probe):
    queries = torch.arange(2, probe.tokens.shape[1])
    return queries, queries - 2


def test_a_readout_of_ones_own_is_the_mean_over_its_cells(series) -> None:
    score = attention_score("two_back", cells_two_back, formula="mean over q ≥ 2 of A[q, q−2]")
    model = series.load(-1)
    found = head_scores(model, score)["two_back"]
    tokens = RepeatedTokens.make(series.model(-1)).tokens
    every = [(layer, head) for layer in range(2) for head in range(4)]
    expected = np.mean(
        [
            attention_patterns(model, row, heads=every).diagonal(-2, -2, -1).mean(-1).numpy()
            for row in tokens
        ],
        axis=0,
    )
    np.testing.assert_allclose(found.to_numpy().ravel(), expected, atol=1e-5)
    assert found.attrs["chance"] == pytest.approx(np.mean(1 / np.arange(3, tokens.shape[1] + 1)))


def test_a_readout_as_ours_is_has_our_numbers(series) -> None:
    def cells(probe):
        queries = torch.arange(probe.lead + probe.period, probe.tokens.shape[1])
        return queries, queries - probe.period + 1

    mine = attention_score("mine", cells, formula="mean over q in the second copy of A[q, q−P+1]")
    found = swept(series, ["induction", mine])
    np.testing.assert_array_equal(found["mine"], found["induction"])


def test_cells_of_one_query_are_summed_and_rows_may_have_their_own() -> None:
    model, tokens = bridge(), torch.randint(1, VOCABULARY, (2, 6))
    score = attention_score(
        "some",
        lambda probe: ([0, 0, 1], [3, 3, 5], [0, 1, 2]),
        formula="by hand",
        probe=tokens,
    )
    found = head_scores(model, score)["some"].to_numpy()
    a, b = (attention_patterns(model, row, heads=[(1, 2)])[0] for row in tokens)
    assert found[1, 2] == pytest.approx(float((a[3, 0] + a[3, 1] + b[5, 2]) / 2), abs=1e-6)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (([2], [3]), "reads query 2, key 3"),
        (([999], [3]), "reads query 999, key 3"),
        (([9, 2], [3]), "have 2 queries, 1 keys"),
        (([], []), "have 0 queries, 0 keys"),
        (([99], [5], [1]), "reads row 99, query 5, key 1"),
        (3, "are int, which cannot be read"),
    ],
)
def test_cells_that_a_probe_does_not_have_are_refused(cells, said) -> None:
    score = attention_score("some", lambda probe: cells, formula="none")
    with pytest.raises(ProbeError, match=said):
        head_scores(bridge(), score)


# --- functions ---


def test_a_function_is_read_at_every_checkpoint(series) -> None:
    found = swept(series, output_norm)["output_norm"]
    expected = np.stack([series.load(i).W_O.norm(dim=(-2, -1)).detach() for i in range(4)])
    np.testing.assert_array_equal(found, expected)
    assert found.attrs["title"] == "Output norm"
    assert found.attrs["meaning"] == "How much a head's W_O weighs."
    assert found.attrs["group"] == "Yours"
    assert found.attrs["own"] is True


def test_a_function_gets_the_probe_of_the_others_and_a_model_of_the_reader_s_library() -> None:
    seen = []

    def mine(model, probe):
        seen.append((type(model).__name__, model.training, torch.is_grad_enabled(), probe.tokens))
        _, cache = model.run_with_cache(probe.tokens)
        stripe = probe.period - 1
        patterns = [cache[f"blocks.{layer}.attn.hook_pattern"] for layer in range(2)]
        diagonals = [one.diagonal(-stripe, -2, -1)[..., 2:].mean((0, -1)) for one in patterns]
        return torch.stack(diagonals)

    demo = load_demo("attn-only-2l").select([-1])
    found = swept(demo, ["induction", mine])
    assert seen[0][:3] == ("TransformerBridge", False, False)
    np.testing.assert_allclose(found["mine"], found["induction"], atol=1e-5)


def test_random_numbers_are_the_same_at_every_checkpoint_and_nobody_misses_them(series) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    found = swept(series, {"random": lambda model, probe: torch.rand(SHAPE)})["random"]
    assert (found == found[0]).all()
    assert torch.equal(torch.rand(2), expected)


def fails(at: int, how):
    """Fails at one checkpoint of a series."""
    calls = iter(range(100))
    return lambda model, probe: how() if next(calls) == at else np.ones(SHAPE)


def raises():
    raise ZeroDivisionError("by hand")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (raises, "mine raised ZeroDivisionError: by hand"),
        (lambda: np.ones((4, 2)), r"mine gave the shape \(4, 2\)"),
        (lambda: 1.0, r"mine gave the shape \(\)"),
        (lambda: None, "mine gave NoneType"),
        (lambda: np.full(SHAPE, np.nan), r"mine is no number \(NaN\) for any head"),
        (lambda: np.array([[1, 2, 3, 4], [1, 2, np.inf, 4]]), "mine of L1H2 is infinite"),
        (lambda: np.ones(SHAPE) * 1j, "complex"),
    ],
)
def test_where_a_function_fails_the_others_go_on(series, how, said) -> None:
    with pytest.warns(UserWarning, match="mine has no numbers at 1 checkpoint: step 10: "):
        found = swept(series, ["previous_token", {"mine": fails(1, how)}])
    assert found["mine"].isnull().all(("layer", "head")).values.tolist() == [0, 1, 0, 0]
    assert found["previous_token"].notnull().all()
    assert found.attrs["faults"] == []
    (fault,) = found["mine"].attrs["faults"]
    assert re.match(f"step 10: .*{said}", fault)
    with pytest.raises(InductionError, match=said):
        head_scores(series.load(0), {"mine": lambda model, probe: how()})


def test_a_head_without_a_number_is_a_gap(series) -> None:
    grid = np.ones(SHAPE)
    grid[0, 1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = swept(series, {"mine": lambda model, probe: grid})["mine"]
    assert int(found.isnull().sum()) == 4


def test_a_function_may_give_a_labelled_array(series) -> None:
    given = xarray.DataArray(np.arange(8.0).reshape(4, 2), dims=("head", "layer"))
    found = swept(series, {"mine": lambda model, probe: given})["mine"]
    np.testing.assert_array_equal(found[0], given.values.T)


def test_the_hash_of_a_function_is_that_of_its_text() -> None:
    assert source_hash(output_norm) == source_hash(partial(output_norm))
    assert source_hash(output_norm) != source_hash(raises)
    one, other = eval("lambda a: 1"), eval("lambda a: 2")
    assert source_hash(one) != source_hash(other)


# --- arrays ---


def test_an_array_is_matched_by_step_and_gaps_are_gaps(series) -> None:
    found = swept(series, array(3, step=[40, 7, 10]))["llc"]
    expected = array(3)
    np.testing.assert_array_equal(found[3], expected[0])
    np.testing.assert_array_equal(found[1], expected[2])
    assert found[[0, 2]].isnull().all()
    assert found.attrs["matched_by"] == "step"


def test_an_array_without_steps_is_matched_by_tokens(series) -> None:
    found = swept(series, array(3, tokens=[np.nan, 4000.0, 1000.0]))["llc"]
    np.testing.assert_array_equal(found[3], array(3)[1])
    np.testing.assert_array_equal(found[1], array(3)[2])
    assert found[[0, 2]].isnull().all()


def test_the_order_of_dimensions_does_not_matter(series) -> None:
    given = array(4, step=STEPS)
    turned = given.transpose("head", "checkpoint", "layer")
    along_step = given.swap_dims(checkpoint="step").transpose("layer", "step", "head")
    found = swept(series, {"a": given, "b": turned, "c": along_step})
    for name in "abc":
        np.testing.assert_array_equal(found[name], given)


def test_heads_are_matched_by_their_numbers(series) -> None:
    given = array(4, step=STEPS)[:, ::-1, [3, 1]].assign_coords(layer=[1, 0], head=[3, 1])
    found = swept(series, given)["llc"]
    np.testing.assert_array_equal(found[..., [1, 3]], array(4)[..., [1, 3]])
    assert found[..., [0, 2]].isnull().all()


def test_an_array_of_one_checkpoint_says_which(series) -> None:
    one = array(1)[0]
    for said in (
        one.assign_coords(step=20),
        one.assign_attrs(step=20),
        one.assign_coords(tokens=2000),
    ):
        found = swept(series, said)["llc"]
        np.testing.assert_array_equal(found[2], one)
        assert found[[0, 1, 3]].isnull().all()
    np.testing.assert_array_equal(swept(series.select([1]), one)["llc"][0], one)
    with pytest.raises(SelectionError, match="does not say of which of the 4 checkpoints"):
        swept(series, one)


def test_every_variable_of_a_dataset_with_heads_is_a_score(series) -> None:
    dataset = xarray.Dataset(
        {"a": array(4, step=STEPS), "loss": ("checkpoint", np.ones(4))}, attrs={"series": "run"}
    )
    assert list(swept(series, dataset).data_vars) == ["a"]
    with pytest.raises(SelectionError, match="says that it is of run, not of other"):
        swept(run(name="other"), dataset)


def test_lazy_arrays_are_read_where_they_are_wanted(series, tmp_path) -> None:
    array(4, step=[0, 10, 20, 50]).to_dataset().to_zarr(tmp_path / "llc.zarr", consolidated=False)
    lazy = xarray.open_zarr(tmp_path / "llc.zarr", chunks=None, consolidated=False)["llc"]
    found = swept(series, lazy)["llc"]
    np.testing.assert_array_equal(found[:3], array(3))
    assert found[3].isnull().all()


def test_attributes_of_an_array_are_what_is_said_of_it(series) -> None:
    attrs = {
        "long_name": "LLC of the head", "units": "nat", "chance": 2, "valid_range": [0, 5],
        "formula": "λ", "source": "devinterp", "measured_on": "the Pile",
    }  # fmt: skip
    found = swept(series, array(4, step=STEPS).assign_attrs(attrs))["llc"].attrs
    assert (found["title"], found["units"], found["chance"]) == ("LLC of the head", "nat", 2.0)
    assert (found["lowest"], found["highest"], found["formula"]) == (0.0, 5.0, "λ")
    assert (found["source"], found["measured_on"]) == ("devinterp", "the Pile")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (array(3, step=[1, 2, 3]), "its 3 steps go from 1 to 3, the 4 of the ser"),
        (array(4), "does not say which checkpoints its 4 are"),
        (array(4, step=[0, 10, 10, 40]), "has step 10 twice"),
        (array(4, step=[0, 10, 20.5, 40]), "has step 20.5"),
        (array(4, step=["a", "b", "c", "d"]), "steps? of llc are|The step of llc are"),
        (array(4, step=STEPS)[..., :3], "has 2 layers of 3 heads; run has 2 of 4"),
        (array(4, step=STEPS).assign_coords(head=[0, 1, 2, 9]), "has head 9; those of run go fr"),
        (array(4, step=STEPS) * np.nan, r"is no number \(NaN\) for every head"),
        (array(4, step=STEPS).rename(head="kopf"), "has the dimensions checkpoint, layer, kopf"),
        (array(4, step=STEPS).expand_dims("seed"), "has the dimensions seed, checkpoint"),
        (array(4, step=STEPS).astype(str), "holds <U"),
        (array(4, step=STEPS, name=None), "has the name None"),
        (array(4, step=STEPS, name="a/b"), "has the name 'a/b'"),
        (array(4, step=STEPS, name="induction"), "called 'induction', as is one of ours"),
        (array(4, step=STEPS, name="loss"), "called 'loss', as is a measure"),
        (array(4, step=STEPS, name="step"), "cannot be a score"),
        ([array(4, step=STEPS), array(4, step=STEPS)], "called 'llc', as is another of yours"),
        (np.ones((4, 2, 4)), "numpy.ndarray is no score"),
        (3, "int is no score"),
        ([None], "NoneType is no score"),
        ({"a": 3}, "'a' is int"),
        ("nothing", "There is no score 'nothing'"),
        ([], "No score was asked for"),
        (array(4, step=STEPS).assign_attrs(chance="x"), "chance of llc is 'x'"),
        (array(4, step=STEPS).assign_attrs(valid_range=3), "valid_range of llc is 3"),
    ],
)  # fmt: skip
def test_what_is_no_score_of_this_series_is_refused_in_words(series, given, said) -> None:
    if isinstance(given, xarray.DataArray) and given.name is None and "None" not in said:
        given = given.rename("llc")
    with pytest.raises(SelectionError, match=said):
        swept(series, given)


def test_infinity_is_a_fault_of_one_checkpoint(series) -> None:
    given = array(4, step=STEPS)
    given[2, 1, 3] = np.inf
    with pytest.warns(UserWarning, match="step 20: llc of L1H3 is infinite"):
        found = swept(series, given)["llc"]
    assert found.isnull().all(("layer", "head")).values.tolist() == [0, 0, 1, 0]


@settings(max_examples=150, deadline=None)
@given(
    of_series=st.lists(st.integers(0, 30), min_size=1, max_size=12, unique=True),
    of_array=st.lists(st.integers(0, 30), min_size=1, max_size=12, unique=True),
    by=st.sampled_from(["step", "tokens"]),
)
def test_each_checkpoint_has_the_row_of_its_own_number(of_series, of_array, by) -> None:
    values = array(len(of_array), **{by: of_array})
    score = array_score("llc", values)
    checkpoints = [
        Checkpoint(step=n, tokens=7 * n) if by == "step" else Checkpoint(step=7 * n, tokens=n)
        for n in sorted(of_series)
    ]
    common = set(of_series) & set(of_array)
    if not common:
        with pytest.raises(SelectionError, match="no checkpoint in common"):
            score.check("run", checkpoints, SHAPE)
        return
    found = score.check("run", checkpoints, SHAPE)
    assert [sorted(of_series)[i] for i in found] == sorted(common)
    for number, one in zip(sorted(of_series), checkpoints, strict=True):
        grid = score.at(one, SHAPE)
        if number not in common:
            assert grid is None
        else:
            (row,) = np.flatnonzero(np.asarray(of_array) == number)
            np.testing.assert_array_equal(grid, values.values[row])


# --- stores ---


def test_a_store_keeps_them_as_a_sweep_in_memory_has_them(series, tmp_path) -> None:
    scores = ["induction", array(3, step=STEPS[1:]), output_norm, {"mine": fails(1, raises)}]
    with pytest.warns(UserWarning, match="mine has no numbers"):
        plain = swept(series, scores)
    scores[-1] = {"mine": fails(1, raises)}
    with pytest.warns(UserWarning, match="mine has no numbers"):
        kept = swept(series, scores, store=tmp_path / "x.zarr")
    xarray.testing.assert_identical(kept, plain)


def counted(calls: list[int], value: float = 1.0):
    def mine(model, probe):
        calls.append(1)
        return torch.full(SHAPE, value)

    return mine


def test_a_sweep_that_goes_on_reads_no_score_twice(series, tmp_path) -> None:
    calls: list[int] = []
    for _ in range(2):
        swept(series, counted(calls), store=tmp_path / "x.zarr")
    assert len(calls) == 4
    swept(series, ["previous_token", counted(calls)], store=tmp_path / "x.zarr")
    assert len(calls) == 4


def test_another_function_or_array_of_the_same_name_is_refused(series, tmp_path) -> None:
    place = tmp_path / "x.zarr"
    swept(series, [{"mine": output_norm}, array(4, step=STEPS)], store=place)
    with pytest.raises(StoreError, match="mine: "):
        swept(series, {"mine": lambda model, probe: torch.zeros(SHAPE)}, store=place)
    with pytest.raises(StoreError, match="llc: values_hash"):
        swept(series, array(4, step=STEPS) + 1, store=place)


def test_what_failed_is_read_again_when_it_is_asked_for(series, tmp_path) -> None:
    place, state = tmp_path / "x.zarr", {"broken": True, "calls": 0}

    def mine(model, probe):
        state["calls"] += 1
        if state["broken"] and state["calls"] == 2:
            raise ValueError("by hand")
        return torch.ones(SHAPE)

    with pytest.warns(UserWarning, match="step 10: mine raised ValueError"):
        swept(series, mine, store=place)
    state["broken"] = False
    with pytest.warns(UserWarning, match="step 10"):
        swept(series, mine, store=place)
    assert state["calls"] == 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = swept(series, mine, store=place, retry=True)
    assert state["calls"] == 5
    assert found["mine"].notnull().all()
    assert "faults" not in found["mine"].attrs


# --- phase changes ---


def test_the_heads_of_ones_own_scores_are_looked_at_for_changes() -> None:
    steps = np.geomspace(10, 10_000, 24).round().astype(int)
    values = np.zeros((24, *SHAPE)) + np.random.default_rng(0).normal(0, 1, (24, *SHAPE))
    values[12:, 1, 2] += 100
    given = array(24, step=steps).copy(data=values).assign_attrs(own=True)
    own = xarray.Dataset({"llc": given.assign_coords(tokens=("checkpoint", 1.0 * steps))})
    found = phase_changes(None, own)
    assert list(found.changes) == ["llc L1H2"]
    assert found.formation is None
    assert found.window is None
    assert "llc of 8 heads (Holm)" in found.text


def test_scores_are_named_as_functions_are(series) -> None:
    score = function_score(output_norm, name="weight", units="m", bounds=(0.0, None), chance=0.5)
    found = swept(series, score)["weight"].attrs
    assert (found["units"], found["lowest"], found["chance"]) == ("m", 0, 0.5)
    assert found["formula"] == "output_norm(model, probe)"
    assert Path(__file__).stem in found["function"]
