"""An explorer is watched while a cell shows it: until that cell runs again, whatever else runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from induction_explorer import InductionExplorer, lifetime


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
