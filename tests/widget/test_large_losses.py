"""Losses of a model that is too large to be measured unasked: what they cost is said first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from front_end import array
from induction_explorer import CheckpointSeries, InductionExplorer
from induction_explorer.channel.worker import SHARED
from induction_kernels import measures
from induction_kernels.errors import InductionError
from induction_kernels.inputs.texts import TextProbe
from induction_kernels.losses.measure import MEASURES
from induction_kernels.losses.measures import Measurer
from small_models import bridge
from wire_page import Page

NEAREST_FIRST = [2, 3, 1, 0]


@pytest.fixture(autouse=True)
def too_large(monkeypatch) -> None:
    """Whatever the model; what is asked for takes several passes."""
    monkeypatch.setattr("induction_explorer.series.budget.PASS", 1000)
    monkeypatch.setattr("induction_explorer.series.budget.STEP", 1_000_000)


@pytest.fixture
def large(series) -> Iterator[InductionExplorer]:
    explorer = InductionExplorer(series, checkpoint=2)
    explorer.wait()
    yield explorer
    explorer.close()


def fail(*_: Any) -> Any:
    raise InductionError("The disk is full.")


def measured(explorer: InductionExplorer, name: str = "loss") -> list[bool]:
    """Of each checkpoint, whether the page has its value."""
    sent = explorer._measures.get(f"0/{name}")
    if sent is None:
        return [False] * 4
    values = array(sent)
    return np.isfinite(values).reshape(4, -1).all(1).tolist()


def test_they_are_not_measured_unasked_and_the_page_knows_it(large) -> None:
    assert large._series[0]["measured_unasked"] is False
    assert not any(measured(large))
    assert large._status["state"] == "ready"


def test_what_they_cost_is_said_for_a_checkpoint_and_in_all(large) -> None:
    ((reply, _),) = Page(large).ask("losses", checkpoints=NEAREST_FIRST)
    assert reply["error"]["anyway"] is True
    said = reply["error"]["message"]
    words = r"(\d+) forward passes, about .+ a checkpoint, about .+ for 4 checkpoints\.$"
    passes = re.search(words, said)
    assert passes is not None, said
    taken = sum(1 for _ in large._session.measured.steps(0))
    assert taken == int(passes[1]) > 4


def test_they_are_the_kernels_own(large, series) -> None:
    parts = Page(large).ask("losses", checkpoints=NEAREST_FIRST, anyway=True)
    assert [part["checkpoints"] for part, _ in parts] == [[i] for i in NEAREST_FIRST]
    rows = large._session.measured.reading.rows
    text = TextProbe.default(series.replica().model(0), rows=rows)
    expected = measures(series.replica(), text, progress=False)
    for name in MEASURES.keys() - {"token_loss"}:
        sent = large._measures[f"0/{name}"]
        found = array(sent)
        assert found == pytest.approx(expected[name].values, rel=1e-5)
    assert f"{rows} rows" in large._measured_on[0]
    assert "0/loss_pca" in large._measures
    assert large._phases[0]["text"]


def test_a_stop_leaves_what_is_there_and_the_next_click_goes_on_from_it(large, monkeypatch) -> None:
    """Stopped once the second checkpoint has begun."""
    page, begun = Page(large), []
    by_steps = Measurer.by_steps

    def watched(self, *args: Any) -> Any:
        begun.append(large._session.series._resident.residence.loaded)
        for number, known in enumerate(by_steps(self, *args)):
            if len(begun) == 2 and number == 1:
                page.ask_meanwhile({"id": "r1", "kind": "cancel"})
            yield known

    monkeypatch.setattr(Measurer, "by_steps", watched)
    page.ask("losses", checkpoints=NEAREST_FIRST, anyway=True)
    assert begun == [2, 3]
    assert measured(large) == [False, False, True, False]
    assert large._status["state"] == "ready"
    parts = page.ask("losses", checkpoints=NEAREST_FIRST, anyway=True)
    assert parts[0][0]["checkpoints"] == [2]
    assert begun == [2, 3, 3, 1, 0]
    assert all(measured(large))


def test_another_explorer_on_the_series_shows_them_unasked(large, series, monkeypatch) -> None:
    beside = InductionExplorer(series)
    beside.wait()
    passes = []
    steps = type(large._session.measured).steps
    monkeypatch.setattr(
        type(large._session.measured),
        "steps",
        lambda self, i: (passes.append(i), steps(self, i))[1],
    )
    Page(large).ask("losses", checkpoints=NEAREST_FIRST, anyway=True)
    beside.wait()
    assert all(measured(beside))
    assert "0/loss_pca" in beside._measures
    assert Page(beside).ask("losses", checkpoints=NEAREST_FIRST)[-1][0]["done"]
    assert passes == NEAREST_FIRST
    late = InductionExplorer(series)
    assert all(measured(late))


def test_a_closed_explorer_hears_no_more(large, series) -> None:
    closed = InductionExplorer(series)
    closed.wait()
    closed.close()
    Page(large).ask("losses", checkpoints=[2], anyway=True)
    assert not any(measured(closed))


def test_what_failed_is_said_and_tried_again(large, monkeypatch) -> None:
    page = Page(large)
    with monkeypatch.context() as patch:
        patch.setattr(Measurer, "by_steps", fail)
        ((reply, _),) = page.ask("losses", checkpoints=[2], anyway=True)
    assert reply["error"]["message"] == "The disk is full."
    assert "anyway" not in reply["error"]
    ((part, arrays),) = page.ask("losses", checkpoints=[2], anyway=True)
    assert part["done"]
    assert np.isfinite(arrays["loss"]).all()
    assert measured(large) == [False, False, True, False]


def test_a_click_comes_between_two_passes(large, monkeypatch) -> None:
    """Asked for in the middle of the first checkpoint, and answered before it is there."""
    monkeypatch.setattr("induction_explorer.channel.worker.STEP", 0)
    page, order = Page(large), []
    by_steps = Measurer.by_steps

    def watched(self, *args: Any) -> Any:
        for number, known in enumerate(by_steps(self, *args)):
            if number == 1:
                click = {"id": "r2", "kind": "attended", "checkpoints": [0], "token": 1}
                page.ask_meanwhile(click)
            yield known
        order.append("measured")

    receive = page.send
    monkeypatch.setattr(
        page,
        "send",
        lambda c, b=None: (order.append(c["id"]) if c["id"] == "r2" else 0, receive(c, b)),
    )
    monkeypatch.setattr(Measurer, "by_steps", watched)
    page.ask("losses", checkpoints=[2], anyway=True)
    assert order == ["r2", "measured"]


def test_a_text_that_was_given_is_read_unasked(series) -> None:
    explorer = InductionExplorer(series, texts=["def f(x):\n    return x\n" * 20] * 2)
    explorer.wait()
    assert explorer._series[0]["measured_unasked"] is True
    assert all(measured(explorer))


def test_without_a_tokenizer_nothing_is_offered() -> None:
    explorer = InductionExplorer(CheckpointSeries.from_state_dicts(m := bridge(), [m.state_dict()]))
    explorer.wait()
    assert explorer._series[0]["measured_unasked"] is True
    assert "no tokenizer" in explorer._measured_on[0]


def test_a_session_can_be_forgotten(large, series) -> None:
    with SHARED:
        assert list(large._session.watchers) == [large]
    large.close()
    assert not list(large._session.watchers)
