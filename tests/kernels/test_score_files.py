"""Scores of heads in files of other tools."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from induction_kernels import scores_from_csv, scores_from_headvis, sweep
from induction_kernels.errors import SelectionError
from short_runs import run

TABLE = """# a comment
step, layer, head, llc, note
0, 0, 0, 1.5, a
0, 1, 3, 2.5, b
20, 0, 0, 3.5, c
"""


def written(place: Path, text: str, name: str = "x.csv") -> Path:
    (place / name).write_text(text, encoding="utf-8")
    return place / name


def test_a_table_is_a_score_with_gaps(tmp_path) -> None:
    found = scores_from_csv(written(tmp_path, TABLE))
    assert list(found.data_vars) == ["llc"]
    swept = sweep(run(), found, progress=False)["llc"]
    expected = np.full((4, 2, 4), np.nan)
    expected[0, 0, 0], expected[0, 1, 3], expected[2, 0, 0] = 1.5, 2.5, 3.5
    np.testing.assert_array_equal(swept, expected)
    assert swept.attrs["source"] == "x.csv"


def test_a_table_of_one_checkpoint_is_told_which(tmp_path) -> None:
    text = "layer,head,a,b\n0,0,1,2\n1,1,3,4\n"
    found = scores_from_csv(written(tmp_path, text), "b", step=20)
    swept = sweep(run(), found, progress=False)
    assert list(swept.data_vars) == ["b"]
    assert float(swept["b"][2, 1, 1]) == 4
    assert int(swept["b"].notnull().sum()) == 2


def test_a_table_that_was_saved_here_is_read_back(tmp_path) -> None:
    swept = sweep(run(), "induction", progress=False)
    frame = swept["induction"].rename("mine").to_dataframe().reset_index()
    frame["series"] = "run"
    path = tmp_path / "x.csv"
    frame.to_csv(path, index=False)
    again = sweep(run(), scores_from_csv(path), progress=False)
    np.testing.assert_allclose(again["mine"], swept["induction"], rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("step,layer,x\n1,2,3\n", "has no column head; it has step, layer, x"),
        ("layer,head,x\n0,0,1\n0,0,2\n", "has two rows for layer 0, head 0"),
        ("layer,head,x\n0,0.5,1\n", "are not all whole numbers: one has decimals"),
        ("layer,head,x\n0,b,1\n", "are not all whole numbers"),
        ("layer,head,x\n0,0,a\n", "has no score"),
        ("layer,head,series,x\n0,0,a,1\n0,0,b,1\n", "has the series a, b"),
        ("", "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_one_is_refused_in_words(tmp_path, text, said) -> None:
    with pytest.raises(SelectionError, match=said):
        scores_from_csv(written(tmp_path, text))


def test_a_column_that_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(SelectionError, match="has no score 'other'"):
        scores_from_csv(written(tmp_path, TABLE), "other")
    with pytest.raises(SelectionError, match="cannot be read"):
        scores_from_csv(tmp_path / "missing.csv")


HEADVIS = [
    {"layer": 0, "head": 0, "induction_score": 0.42, "pattern_entropy": 1.5},
    {"layer": 1, "head": 2, "induction_score": None, "pattern_entropy": 2.5},
]


def test_headvis_metrics_are_scores(tmp_path) -> None:
    written(tmp_path, json.dumps(HEADVIS), "scatter_data.json")
    said = {"metric_descriptions": {"pattern_entropy": "mean per-query entropy"}}
    written(tmp_path, json.dumps(said), "config.json")
    found = scores_from_headvis(tmp_path, step=40)
    assert list(found.data_vars) == ["headvis_induction_score", "headvis_pattern_entropy"]
    swept = sweep(run(), found, progress=False)
    assert float(swept["headvis_induction_score"][3, 0, 0]) == pytest.approx(0.42)
    assert int(swept["headvis_induction_score"].notnull().sum()) == 1
    assert float(swept["headvis_pattern_entropy"][3, 1, 2]) == 2.5
    assert swept["headvis_pattern_entropy"].attrs["meaning"] == "mean per-query entropy"
    assert swept["headvis_pattern_entropy"].attrs["source"] == "HeadVis"


@pytest.mark.parametrize("content", ["{}", "[]", "[1]", "nothing", '[{"layer": 0}]'])
def test_what_is_no_list_of_heads_is_refused(tmp_path, content) -> None:
    with pytest.raises(SelectionError):
        scores_from_headvis(written(tmp_path, content, "scatter_data.json"))
