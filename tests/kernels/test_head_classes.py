"""head_classes: names from selectivities that are written down, and over training."""

from __future__ import annotations

import numpy as np
import pytest
import xarray
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from induction_kernels import head_classes, head_scores, load_demo, sweep
from induction_kernels.errors import SelectionError
from induction_kernels.scores.classes import CLASSES, THRESHOLD
from induction_kernels.scores.selectivity import SELECTIVITIES
from small_models import bridge

NAMES = [one.name for one in CLASSES]


def scores(values: np.ndarray, dims: tuple[str, ...] = ("layer", "head")) -> xarray.Dataset:
    """[class, ...]."""
    return xarray.Dataset(
        {one.score: (dims, row) for one, row in zip(CLASSES, values, strict=True)}
    )


def test_the_classes_are_the_scores_in_their_order() -> None:
    assert [one.score for one in CLASSES] == [score.name for score in SELECTIVITIES]
    assert len({one.letter for one in CLASSES}) == 6


def test_names_counts_ties_and_gaps() -> None:
    nan = np.nan
    heads = np.array(
        [  # I, P, D, F, S, L
            [90, 0, 0, 40, 1, 1],
            [1, 1, 1, 29.9, 1, 2],  # below
            [1, 1, 1, 30, 1, 2],  # just there
            [0, 1e8, 0, 0, 1e8, 5],  # a tie
            [90, 0, nan, 0, 0, 0],
            [nan] * 6,
            [0, 31, 0, 0, 32, 33],
            [0] * 6,
        ],
        np.float32,
    )
    found = head_classes(scores(heads.T[:, None]))
    assert found["head_class"].values.tolist() == [
        ["induction", "unnamed", "first", "previous", "", "", "local", "unnamed"]
    ]
    assert found["second_class"].values.tolist() == [
        ["first", "local", "local", "self", "", "", "self", "previous"]
    ]
    assert found["selectivity"].values[0, [0, 3, 6]].tolist() == [90, 1e8, 33]
    assert found["second_selectivity"].values[0, [0, 3, 6]].tolist() == [40, 1e8, 32]
    assert np.isnan(found["selectivity"].values[0, 4:6]).all()
    assert found["class"].values.tolist() == [*NAMES, "unnamed"]
    assert found["count"].values.tolist() == [1, 1, 0, 1, 0, 1, 2]
    assert found.attrs["threshold"] == THRESHOLD
    assert head_classes(scores(heads.T[:, None]), 29.0)["count"].values[-1] == 1


@given(
    values=arrays.arrays(
        np.float32, (6, 3, 2, 2),
        elements=st.sampled_from([0.0, 1.0, 29.0, 30.0, 31.0, 1e8, np.nan, np.inf]),
    )
)  # fmt: skip
def test_against_a_loop_over_heads(values: np.ndarray) -> None:
    found = head_classes(scores(values, ("checkpoint", "layer", "head")))
    for at in np.ndindex(3, 2, 2):
        mine = [float(v) for v in values[(slice(None), *at)]]
        if not all(np.isfinite(mine)):
            expected = ("", "")
        else:
            order = sorted(range(6), key=lambda i: (-mine[i], i))
            expected = (
                NAMES[order[0]] if mine[order[0]] >= 30 else "unnamed", NAMES[order[1]],
            )  # fmt: skip
        assert (
            str(found["head_class"].values[at]),
            str(found["second_class"].values[at]),
        ) == expected
    named = (found["head_class"] != "").sum(("layer", "head"))
    assert found["count"].sum("class").values.tolist() == named.values.tolist()


def test_what_is_missing_is_said() -> None:
    with pytest.raises(SelectionError, match=r"lack local_selectivity\."):
        head_classes(scores(np.zeros((6, 1, 1))).drop_vars("local_selectivity"))
    for threshold in (0.0, -1.0, float("nan")):
        with pytest.raises(SelectionError, match="threshold="):
            head_classes(scores(np.zeros((6, 1, 1))), threshold)


def test_of_a_model() -> None:
    found = head_classes(head_scores(bridge()))
    assert found["head_class"].dims == ("layer", "head")
    assert int(found["count"].sum()) == 8


def test_induction_heads_of_the_bundled_series_are_named_once_they_form() -> None:
    series = load_demo("attn-only-2l").select([0, -1])
    wanted = [one.score for one in CLASSES]
    found = head_classes(sweep(series, wanted, progress=False))
    assert found["head_class"].dims == ("checkpoint", "layer", "head")
    assert found["count"].sel(**{"class": "unnamed"}).values[0] == 16  # nothing before training
    assert found["head_class"].values[1, 1, 5:].tolist() == ["induction"] * 3
    assert str(found["head_class"].values[1, 0, 4]) == "previous"
    assert "step" in found.coords
