"""The order in which what is asked for is computed, and when it stops; results in bounded bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from gated import PATIENCE, Gate, Gated, Listener, Session
from induction_explorer.channel.answering import Answering, Subject
from induction_explorer.channel.work import Work
from induction_explorer.channel.worker import SHARED, Urgency, shared_worker
from induction_explorer.series.results import Question, Results


def nothing() -> None:
    pass


@pytest.fixture
def gate(monkeypatch) -> Iterator[Gate]:
    """A step is one pass."""
    monkeypatch.setattr("induction_explorer.channel.worker.STEP", 0)
    monkeypatch.setattr("induction_explorer.channel.answering.STEP", 0)
    found = Gated.gate = Gate()
    yield found
    found.let(10_000)


class Desk:
    """An explorer's share of the worker, and what is asked there."""

    def __init__(self, session: Session | None = None) -> None:
        self.work = Work(nothing)
        self.answering = Answering(self.work)
        self.session: Any = session or Session()

    def ask(
        self, name: str, *checkpoints: int, count: int = 1, urgency: Urgency = Urgency.ASKED
    ) -> Listener:
        listener = Listener()
        subject = Subject.of(self.session, Gated(name, count), None)
        with SHARED:
            self.answering.ask(subject, checkpoints, listener, urgency)
        return listener


def test_a_click_waits_for_one_step(gate) -> None:
    desk = Desk()
    wiring = desk.ask("wiring", 0, count=900)
    gate.let(2)
    assert gate.until(3) == ["wiring0"] * 3
    click = desk.ask("click", 0)
    gate.let()
    assert gate.until(4)[3] == "click0"
    gate.let()
    assert gate.until(5)[4] == "wiring0"
    assert click.heard == [(0, 1, 1)]
    assert all(share < 1 for _, _, share in wiring.heard)
    assert "wiring0" not in gate.closed
    desk.work.cancel()


def test_what_is_known_is_shown_after_every_step(gate) -> None:
    desk = Desk()
    listener = desk.ask("a", 5, count=4)
    gate.let(4)
    assert desk.work.wait(PATIENCE)
    assert listener.heard == [(5, 1, 0.25), (5, 2, 0.5), (5, 3, 0.75), (5, 4, 1)]


def test_the_most_urgent_comes_first_whatever_came_first(gate) -> None:
    desk, done = Desk(), []
    desk.ask("first", 0)
    gate.until(1)
    for urgency in reversed(Urgency):
        desk.work.submit(urgency, lambda urgency=urgency: done.append(urgency), nothing)
    gate.let()
    assert desk.work.wait(PATIENCE)
    assert done == sorted(Urgency)


def test_only_the_checkpoint_that_is_shown_jumps_the_queue(gate) -> None:
    desk, done = Desk(), []
    desk.ask("first", 0)
    gate.until(1)
    desk.work.submit(Urgency.SWEEP, lambda: done.extend(gate.entered), nothing)
    desk.ask("a", 1, 2, 3)
    gate.let(5)
    assert desk.work.wait(PATIENCE)
    assert done == ["first0", "a1"]


def test_what_is_seen_small_comes_after_a_click_and_before_what_nobody_asked_for(gate) -> None:
    desk = Desk()
    desk.ask("first", 0)
    gate.until(1)
    desk.ask("prompt", 0, urgency=Urgency.PROMPT)
    desk.ask("sweep", 0, urgency=Urgency.SWEEP)
    for name in ("small", "clicked small", "other small"):
        desk.ask(name, 0, urgency=Urgency.BESIDE)
    desk.ask("click", 0)
    desk.ask("clicked small", 0)
    gate.let(7)
    assert desk.work.wait(PATIENCE)
    assert gate.entered == [
        *("first0", "clicked small0", "click0"),
        *("small0", "other small0", "prompt0", "sweep0"),
    ]


def test_the_nearest_checkpoint_comes_first_and_one_is_through_before_the_next(gate) -> None:
    desk = Desk()
    desk.ask("a", 7, 6, 8, 5, count=2)
    gate.let(8)
    assert desk.work.wait(PATIENCE)
    assert gate.entered == ["a7", "a7", "a6", "a6", "a8", "a8", "a5", "a5"]


def test_what_is_seen_comes_before_what_is_not(gate) -> None:
    desk, seen = Desk(), Desk()
    seen.work.watched = True
    desk.ask("unseen", 0, 1, count=2)
    gate.until(1)
    seen.ask("seen", 0, 1)
    gate.let(6)
    assert seen.work.wait(PATIENCE)
    assert desk.work.wait(PATIENCE)  # which is to look at it
    assert gate.entered == ["unseen0", "seen0", "seen1", "unseen0", "unseen1", "unseen1"]


def test_the_same_is_computed_once_for_all_who_wait(gate) -> None:
    desk = Desk()
    one, other = desk.ask("a", 0, 1), desk.ask("a", 1)
    assert desk.work.pending == 2
    gate.let(2)
    assert desk.work.wait(PATIENCE)
    assert gate.entered == ["a0", "a1"]
    assert other.heard == [(1, 1, 1)]
    assert one.heard == [(0, 1, 1), (1, 1, 1)]


def test_what_nobody_waits_for_any_more_ends_with_its_step(gate) -> None:
    desk = Desk()
    listener = desk.ask("a", 0, 1, 2, count=900)
    gate.let(1)
    gate.until(2)
    with SHARED:
        desk.answering.stop(listener)
        heard = list(listener.heard)
        assert desk.work.pending == 0
        assert not shared_worker()._tasks
    gate.let(1)
    other = desk.ask("b", 0)
    gate.let(1)
    assert desk.work.wait(PATIENCE)
    assert gate.entered == ["a0", "a0", "b0"]
    assert gate.closed[0] == "a0"
    assert listener.heard == heard
    assert other.heard


def test_what_waits_between_two_steps_is_closed_at_once(gate) -> None:
    desk, other = Desk(), Desk()
    listener = desk.ask("a", 0, count=900)
    gate.until(1)
    other.ask("b", 0)
    gate.let()
    gate.until(2)  # b is at work, a waits for its turn
    with SHARED:
        desk.answering.stop(listener)
        assert gate.closed == ["a0"]
    gate.let()
    assert other.work.wait(PATIENCE)


def test_forty_clicks_leave_one_task(gate) -> None:
    desk = Desk()
    desk.ask("first", 0)
    gate.until(1)
    last = Listener()
    for click in range(40):
        with SHARED:
            desk.answering.stop(last)
        last = desk.ask(f"click{click}-", *range(25))
    assert desk.work.pending == 26
    gate.let(26)
    assert desk.work.wait(PATIENCE)
    assert gate.entered == ["first0", *(f"click39-{i}" for i in range(25))]
    assert [i for i, _, _ in last.heard] == list(range(25))


def test_weights_are_put_back_before_every_step(gate, monkeypatch) -> None:
    """Whatever came between may have loaded others."""
    loaded: list[int] = []
    desk = Desk()
    monkeypatch.setattr(desk.session.series, "model", lambda i: loaded.append(i) or i)
    desk.ask("long", 4, count=2)
    gate.until(1)
    desk.ask("click", 9)
    gate.let(3)
    assert desk.work.wait(PATIENCE)
    assert gate.entered == ["long4", "click9", "long4"]
    assert loaded.index(9) < len(loaded) - 1 - loaded[::-1].index(4)


def test_what_fails_is_told_to_those_who_wait_and_tried_again_for_the_next(gate) -> None:
    desk = Desk()
    whole = desk.session.series.model
    desk.session.series.model = lambda i: 1 / 0
    first = desk.ask("a", 3)
    assert desk.work.wait(PATIENCE)
    assert first.failed == [(3, "division by zero")]
    desk.session.series.model = whole
    gate.let()
    second = desk.ask("a", 3)
    assert desk.work.wait(PATIENCE)
    assert second.heard == [(3, 1, 1)]
    assert desk.work.error is None


def arrays(size: int) -> dict[str, np.ndarray]:
    return {"value": np.zeros(size, np.uint8)}


def test_what_passes_took_is_learned_once_all_are_over(gate) -> None:
    session, learned = Session(), []
    session.time = lambda work, seconds: learned.append(seconds)
    desk = Desk(session)
    began = time.monotonic()
    desk.ask("a", 0, count=3)
    gate.until(1)
    time.sleep(0.05)
    gate.let(3)
    assert desk.work.wait(PATIENCE)
    assert len(learned) == 1
    assert 0.05 <= learned[0] <= time.monotonic() - began


def test_results_are_kept_in_bounded_bytes_the_least_wanted_going_first() -> None:
    results = Results(limit=100)
    a, b, c = (Question(Gated(name), (number,)) for number, name in enumerate("abc"))
    for number in range(4):
        results.keep(a, number, arrays(20))
    results.keep(b, 0, arrays(20))
    assert results.get(a, 0) is not None  # asked for: not the oldest any more
    results.keep(c, 0, arrays(20))
    kept = [(q, i) for q in (a, b, c) for i in range(4) if results.get(q, i) is not None]
    assert kept == [(a, 0), (a, 2), (a, 3), (b, 0), (c, 0)]
    assert all(results.get(a, i) is not None for i in (0, 2, 3))  # the last that were asked for
    results.leave((0,))  # nobody looks at a's prompt: it goes before whatever is older
    results.keep(c, 1, arrays(50))
    assert [results.get(a, i) for i in range(4)] == [None] * 4
    assert results.get(b, 0) is not None
    assert results.bytes == 90 <= results.limit


def test_an_answer_too_large_to_keep_beside_others_is_kept_alone() -> None:
    results = Results(limit=100)
    question: Callable[[str], Question] = lambda name: Question(Gated(name))  # noqa: E731
    results.keep(question("a"), 0, arrays(60))
    results.keep(question("b"), 0, arrays(500))
    assert results.get(question("a"), 0) is None
    assert results.get(question("b"), 0) is not None
    results.keep(question("b"), 0, arrays(10))
    assert results.bytes == 10
