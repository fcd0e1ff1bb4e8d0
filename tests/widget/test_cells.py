"""An explorer is watched while a cell shows it: until that cell runs again, whatever else runs."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace
from typing import Any

import pytest
from induction_explorer import CheckpointSeries, InductionExplorer, lifetime
from ipywidgets import Output
from ipywidgets.widgets.widget import _instances


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The id of the cell that runs, as a kernel knows it."""
    metadata: dict[str, Any] = {}
    kernel = SimpleNamespace(get_parent=lambda: {"metadata": metadata})
    monkeypatch.setattr(lifetime, "get_ipython", lambda: SimpleNamespace(kernel=kernel))
    monkeypatch.setattr(lifetime, "_shown", {})
    return metadata


def begin(cell: str) -> None:
    lifetime._cell_begins(SimpleNamespace(cell_id=cell))


def test_it_is_watched_until_its_own_cell_runs_again(
    explorer: InductionExplorer, cell: dict[str, Any]
) -> None:
    cell["cellId"] = "a"
    lifetime.show(explorer)
    assert explorer._work.watched
    begin("b")
    assert explorer._work.watched
    begin("a")
    assert not explorer._work.watched


def test_shown_by_two_cells_it_is_watched_until_both_have_run_again(
    explorer: InductionExplorer, cell: dict[str, Any]
) -> None:
    for name in ("a", "b"):
        cell["cellId"] = name
        lifetime.show(explorer)
    begin("a")
    assert explorer._work.watched
    begin("b")
    assert not explorer._work.watched


def test_shown_where_nobody_knows_it_stays_watched(
    explorer: InductionExplorer, cell: dict[str, Any]
) -> None:
    lifetime.show(explorer)
    begin("a")
    assert explorer._work.watched


def test_shown_inside_of_an_output_widget_it_stays_watched(
    explorer: InductionExplorer, cell: dict[str, Any]
) -> None:
    """Which may be seen under any cell."""
    cell["cellId"] = "a"
    output = Output(msg_id="captures what the cell displays")
    lifetime.show(explorer)
    output.close()
    begin("a")
    assert explorer._work.watched


def test_what_nobody_holds_or_sees_is_closed_when_a_cell_ends(series: CheckpointSeries) -> None:
    held, shown, lost = (InductionExplorer(series) for _ in range(3))
    shown._work.watched = True
    models = [one.model_id for one in (held, shown, lost)]
    for one in (held, shown, lost):
        one.wait()
    seen = weakref.ref(shown)
    del shown, lost, one
    gc.collect()
    lifetime._cell_ends(None)
    assert [model in _instances for model in models] == [True, True, False]
    assert _instances[models[0]] is held
    assert _instances[models[1]] is seen()
