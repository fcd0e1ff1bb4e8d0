"""The chosen score comes first, alone; then what is on screen; then all other scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from front_end import array
from induction_explorer import InductionExplorer
from induction_explorer.channel.answering import Answering
from induction_explorer.channel.worker import SHARED
from induction_kernels import head_scores
from induction_kernels.scores.registry import Scorer
from wire_page import Page


@pytest.fixture
def order(monkeypatch) -> list[str]:
    """What begins: scores by how many there are, questions by their kind."""
    began: list[str] = []

    def scored(self: Any, model: Any) -> Any:
        began.append(self.scores[0].name if len(self.scores) == 1 else "all scores")
        return by_steps(self, model)

    def computed(self: Any, first: Any, *args: Any) -> Any:
        began.append(first.analysis.kind)
        return (yield from compute(self, first, *args))

    by_steps, compute = Scorer.by_steps, Answering._compute
    monkeypatch.setattr(Scorer, "by_steps", scored)
    monkeypatch.setattr(Answering, "_compute", computed)
    # No prompt runs ahead.
    monkeypatch.setattr("induction_explorer.series.budget.PARAMETER_PASSES", 0)
    return began


def known(explorer: InductionExplorer) -> dict[str, list[bool]]:
    """By score, at which checkpoints the page has it."""
    rows = {}
    for key, sent in explorer._grids.items():
        values = array(sent)
        rows[key.removeprefix("0/")] = np.isfinite(values).reshape(len(values), -1).any(1).tolist()
    return rows


def test_the_chosen_score_comes_before_what_is_asked_and_that_before_all_others(
    series, order
) -> None:
    with SHARED:  # nothing begins
        explorer = InductionExplorer(series, score="previous_token", checkpoint=1)
        page, generation = Page(explorer), explorer._prompts[0]["generation"]
        request = {"id": "r1", "kind": "patterns", "series": 0, "generation": generation}
        explorer._requests.receive(request | {"checkpoints": [1], "head": [1, 0]}, page.send)
    explorer.wait()
    assert order == ["previous_token", "patterns", *["all scores"] * 4]


def test_the_page_has_the_chosen_score_before_any_other(series, order) -> None:
    pages = []
    with SHARED:
        explorer = InductionExplorer(series, score="previous_token", checkpoint=1)
        explorer.observe(lambda _: pages.append(known(explorer)), "_grids")
    explorer.wait()
    others = pages[0].keys() - {"previous_token"}
    assert pages[0]["previous_token"] == [False, True, False, False]
    assert others
    assert not any(any(pages[0][name]) for name in others)
    sent = explorer._grids["0/previous_token"]
    found = array(sent)[1]
    expected = head_scores(series.load(1), "previous_token")["previous_token"].values
    assert found == pytest.approx(expected, abs=1e-6)


def test_another_score_or_checkpoint_is_followed_while_others_wait(series, order) -> None:
    with SHARED:
        explorer = InductionExplorer(series)
        explorer.score = "previous_token"
        explorer.checkpoint = 0
    explorer.wait()
    assert order == ["previous_token", *["all scores"] * 4]
    explorer.score = "induction"
    explorer.wait()
    assert len(order) == 5  # it was known


@pytest.mark.parametrize("insists", [False, True])
def test_losses_come_before_all_scores_only_for_a_reader_who_insists(
    series, order, insists
) -> None:
    request = {"id": "r1", "kind": "losses", "series": 0, "checkpoints": [1]}
    with SHARED:
        explorer = InductionExplorer(series, checkpoint=1)
        explorer._requests.receive(request | {"anyway": insists}, Page(explorer).send)
    explorer.wait()
    rest = ["all scores"] * 4
    assert order == ["induction", *(["losses", *rest] if insists else [*rest, "losses"])]


def test_what_goes_wrong_is_said_once(series, order, monkeypatch) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(Scorer, "__call__", fail)
    explorer = InductionExplorer(series)
    explorer.wait()
    assert explorer._status["error"] is None
    assert all(map(all, known(explorer).values()))


@pytest.fixture
def by_parts(series, monkeypatch) -> list[dict[str, list[bool]]]:
    """What the page has of scores, each time that it is told, while every part takes long."""
    monkeypatch.setattr("induction_explorer.series.several.TELL_AFTER", 0)
    pages: list[dict[str, list[bool]]] = []
    with SHARED:
        explorer = InductionExplorer(series, score="previous_token", checkpoint=1)
        explorer.observe(lambda _: pages.append(known(explorer)), "_grids")
    explorer.wait()
    return pages


def test_scores_come_as_they_are_read_where_the_reader_looks(by_parts) -> None:
    parts = [page for page in by_parts if page["induction"] == [False, True, False, False]]
    counts = [sum(rows[1] for rows in page.values()) for page in parts]
    assert len(set(counts)) > 1, "all of them came at once"
    assert counts == sorted(counts)
    assert all(map(all, by_parts[-1].values()))


def test_of_a_checkpoint_that_fails_in_the_middle_nothing_stays(series, monkeypatch) -> None:
    def fail_later(self: Any, model: Any) -> Any:
        yield next(by_parts(self, model))
        raise RuntimeError("in the middle")

    by_parts = Scorer._by_parts
    monkeypatch.setattr(Scorer, "_by_parts", fail_later)
    monkeypatch.setattr("induction_explorer.series.several.TELL_AFTER", 0)
    explorer = InductionExplorer(series, score="copy_attribution")
    explorer.wait()
    assert "in the middle" in explorer._series[0]["faults"]["1"]
    assert not any(any(rows) for rows in known(explorer).values())
