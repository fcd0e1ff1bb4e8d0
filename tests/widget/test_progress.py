"""What an explorer says it is doing: what runs, how much of it is done, how long the rest takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from gated import Gate
from induction_explorer.analyses.wiring import Wiring
from induction_explorer.channel.work import Pace, Work
from induction_explorer.channel.worker import SHARED, Steps, Urgency
from induction_explorer.series import budget
from induction_explorer.series.at import At
from induction_explorer.series.session import session_of
from induction_kernels import load_demo


def nothing() -> None:
    pass


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """Of what measures the pace."""
    clock = Clock()
    monkeypatch.setattr("induction_explorer.channel.work.time", clock)
    return clock


@pytest.fixture
def gate(monkeypatch) -> Iterator[Gate]:
    """A step is one pass."""
    monkeypatch.setattr("induction_explorer.channel.worker.STEP", 0)
    found = Gate()
    yield found
    found.let(10_000)


def passes(gate: Gate, name: str, count: int, clock: Any = None, seconds: float = 0) -> Steps:
    for _ in range(count):
        gate.enter(name)
        if clock is not None:
            clock.now += seconds
        yield


def said(work: Work) -> tuple[str, str]:
    status = work.status()
    return status["label"], status["progress"]


def test_what_runs_is_said_and_not_what_is_least_urgent(gate) -> None:
    work = Work(nothing)
    with SHARED:
        for _ in range(41):
            work.submit_steps(Urgency.MEASURE, passes(gate, "loss", 1))
        for _ in range(40):
            work.submit_steps(Urgency.SWEEP, passes(gate, "score", 1))
    gate.until(1)
    gate.let(33)
    assert gate.until(34) == ["score"] * 34
    assert said(work) == ("Scoring heads at every checkpoint", "33 of 40 checkpoints")
    gate.let(8)
    gate.until(42)
    assert said(work) == ("Measuring losses at every checkpoint", "1 of 41 checkpoints")
    work.cancel()


def test_heads_are_counted_whatever_comes_between(gate) -> None:
    work = Work(nothing)
    steps, heads = passes(gate, "wiring", 163), lambda done: f"{done - 1} of 162 heads"
    work.submit_steps(Urgency.ASKED, steps, passes=163, label="Wiring", counted=heads)
    gate.until(1)
    gate.let(38)
    gate.until(39)
    assert said(work) == ("Wiring", "37 of 162 heads")
    work.submit_steps(Urgency.ASKED, passes(gate, "click", 1))
    gate.let()
    assert gate.until(40)[-1] == "click"
    assert said(work) == ("Computing what was asked for", "")
    gate.let()
    assert gate.until(41)[-1] == "wiring"
    assert said(work) == ("Wiring", "38 of 162 heads")
    work.cancel()
    assert work.status()["state"] == "ready"


def test_one_question_at_several_checkpoints_is_one_count(gate) -> None:
    work = Work(nothing)
    with SHARED:
        for urgency in (Urgency.ASKED, Urgency.REST, Urgency.REST):
            work.submit_steps(urgency, passes(gate, "losses", 5), passes=5, label="Losses")
    gate.until(1)
    gate.let(7)
    gate.until(8)
    assert said(work) == ("Losses", "2 of 5 passes at checkpoint 2 of 3")
    work.cancel()
    work.submit_steps(Urgency.ASKED, passes(gate, "losses", 5), passes=5, label="Losses")
    gate.let()
    gate.until(9)
    assert said(work) == ("Losses", "0 of 5 passes")  # what was stopped is not counted


def test_how_long_the_rest_takes_is_measured_on_what_has_run(gate, clock) -> None:
    work = Work(nothing)
    slow = passes(gate, "slow", 42, clock, 3)
    work.submit_steps(Urgency.ASKED, slow, passes=42, label="Slow")
    gate.until(1)
    assert said(work)[1] == "0 of 42 passes"  # nobody knows yet
    gate.let(2)
    gate.until(3)
    assert said(work) == ("Slow", "2 of 42 passes, about 2 minutes left")
    work.submit_steps(Urgency.ASKED, passes(gate, "click", 1, clock, 500))
    gate.let()
    gate.until(4)
    gate.let()
    assert gate.until(5)[-2:] == ["click", "slow"]
    assert (
        said(work)[1] == "3 of 42 passes, about 2 minutes left"
    )  # 39 passes of 3 s, whatever came between
    gate.let(36)
    gate.until(41)
    assert said(work)[1] == "39 of 42 passes, about 9 seconds left"
    work.cancel()


@pytest.mark.parametrize(
    ("finished", "seconds", "words"),
    [(0, 60, ""), (1, 1, ""), (95, 50, ""), (50, 50, "about 50 seconds left")],
)
def test_nothing_is_said_of_what_is_short_or_has_only_begun(finished, seconds, words) -> None:
    assert Pace(1, finished, seconds).left(finished, 100) == words


def test_questions_of_one_pass_each_are_counted_as_answers(gate) -> None:
    work = Work(nothing)
    with SHARED:
        for urgency in (Urgency.ASKED, Urgency.REST, Urgency.REST):
            work.submit_steps(urgency, passes(gate, "patterns", 1), label="Patterns")
    gate.until(1)
    gate.let(2)
    gate.until(3)
    assert said(work) == ("Patterns", "2 of 3 answers")
    work.cancel()


@pytest.mark.parametrize("rows_a_pass", [1, 3, 16])
def test_the_heads_that_are_done_are_those_whose_numbers_are_there(
    rows_a_pass, monkeypatch
) -> None:
    """Of wiring, pass by pass, however many passes a head takes."""
    session = session_of(load_demo("attn-only-3l"))
    monkeypatch.setattr(budget, "rows_a_pass", lambda *_: rows_a_pass)
    question, here = Wiring((2, 1)), len(session.series) - 1
    told: list[str] = []
    work = Work(lambda: None)
    at = At(session, here, session.series.model(here), None, [], lambda *_: None)

    def steps() -> Steps:
        for known in question.steps(at):
            yield
            done = int(np.isfinite(known()["effect"]).sum())
            told.append(work.status()["progress"])
            assert told[-1] == f"{done} of 16 heads", len(told)

    counted, total = question.counting(session), question.passes(session)
    monkeypatch.setattr("induction_explorer.channel.worker.STEP", 0)
    work.submit_steps(Urgency.ASKED, steps(), passes=total, label="Wiring", counted=counted)
    assert work.wait(60)
    assert work.error is None
    assert len(told) == total
    assert told[-1] == "16 of 16 heads"
