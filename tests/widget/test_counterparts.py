"""Heads of one series in another; the page finds the same (tests/js/counterparts.test.ts)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from induction_explorer import CheckpointSeries, InductionExplorer
from induction_explorer.series.counterparts import counterparts
from induction_kernels import as_model
from small_models import bridge

CASES = json.loads((Path(__file__).parents[1] / "counterparts.json").read_text("utf8"))


def grids(written: dict[str, Any]) -> dict[str, np.ndarray]:
    shape = (-1, written["layers"], written["heads"])
    return {
        name: np.array(rows, np.float32).reshape(shape) for name, rows in written["grids"].items()
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["what"])
def test_a_head_in_another_series(case) -> None:
    found = counterparts(case["heads"], case["score"], grids(case["old"]), grids(case["new"]))
    assert found == case["found"]


def ranked(explorer: InductionExplorer, series: int, score: str) -> list[list[int]]:
    """Heads by a score of a series of one checkpoint, highest first."""
    grid = explorer._sessions[series].grids[score][0]
    order = np.argsort(-grid.ravel())
    return [[int(i) // grid.shape[1], int(i) % grid.shape[1]] for i in order]


def test_two_models_of_unlike_shape(tokenizer) -> None:
    """Three layers of two heads, then one layer of eight; the second reads no text."""
    deep = CheckpointSeries.single(as_model(bridge(n_layers=3, n_heads=2), tokenizer))
    wide = bridge(n_layers=1, n_heads=8, d_head=4, seed=1, n_ctx=24, d_vocab=64)
    explorer = InductionExplorer([deep, wide], prompt="the cat sat on the cat")
    explorer.wait()
    shapes = [(info["layers"], info["heads"]) for info in explorer._series]
    assert shapes == [(3, 2), (1, 8)]
    assert explorer._prompts[0]["error"] is None
    assert "tokenizer" in explorer._prompts[1]["error"]["message"]

    best = {score: ranked(explorer, 0, score)[0] for score in ("previous_token", "induction")}
    assert explorer.heads == [best["previous_token"], best["induction"]]
    explorer.score = "duplicate_token"
    explorer.heads = [ranked(explorer, 0, "duplicate_token")[0]]
    explorer.series = 1
    assert explorer.heads == [ranked(explorer, 1, "duplicate_token")[0]]
    explorer.series = 0
    assert explorer.heads == [ranked(explorer, 0, "duplicate_token")[0]]
    explorer.close()
