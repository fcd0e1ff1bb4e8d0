"""What an explorer has the worker do, and how long it speaks of what went wrong."""

from __future__ import annotations

import time

import pytest
from declared import required
from induction_explorer.channel.work import Work, say
from induction_explorer.channel.worker import SHARED, STEP, Steps, Urgency
from induction_explorer.series.several import submit
from induction_kernels.errors import SelectionError
from traitlets import TraitError

BUG = "This is a bug in Induction Explorer; please report it with this message."


def nothing() -> None:
    pass


def fail() -> None:
    raise ValueError("out of luck")


def test_an_error_is_said_until_work_of_its_kind_begins_anew() -> None:
    work = Work(nothing)

    def run(urgency: Urgency, *tasks) -> str:
        with SHARED:  # none is finished before all have begun
            for task in tasks:
                work.submit(urgency, task, nothing)
        assert work.wait(30)
        return str(work.error)

    assert run(Urgency.MEASURE, nothing) == "None"
    assert run(Urgency.MEASURE, nothing, fail, nothing) == "out of luck"
    assert run(Urgency.ASKED, nothing) == "out of luck"
    assert run(Urgency.MEASURE, nothing) == "None"


def test_what_cannot_be_handed_over_is_said_as_well() -> None:
    work = Work(nothing)
    work.submit(Urgency.SWEEP, nothing, fail)
    assert work.wait(30)
    assert str(work.error) == "out of luck"


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (SelectionError("No such head.", "There are four."), "No such head.", "There are four."),
        (TraitError("series is 7"), "series is 7", ""),
        (KeyError("x"), "KeyError: 'x'", BUG),
    ],
)
def test_whatever_goes_wrong_is_said_with_a_message_and_a_hint(
    error: Exception, message: str, hint: str
) -> None:
    said = say(error)
    assert set(said) == required("ErrorInfo")
    assert said["hint"] == hint
    assert said["message"] == message


def test_of_what_is_as_urgent_the_shortest_comes_first_whatever_was_begun() -> None:
    """An ablation of one head does not wait for that of every head, which takes hours."""
    work, told = Work(nothing), []

    def passes(name: str, count: int) -> Steps:
        for number in range(count):
            time.sleep(STEP)  # so long that others may come before the next one
            told.append(name)
            if (name, number) == ("long", 0):
                work.submit_steps(Urgency.ASKED, passes("short", 2), passes=2)
            yield

    work.submit_steps(Urgency.ASKED, passes("long", 4), passes=4)
    assert work.wait(30)
    assert told == ["long", "short", "short", "long", "long", "long"]


def test_each_checkpoint_is_computed_with_the_one_to_read_ahead() -> None:
    work, told = Work(nothing), []

    def steps(checkpoint: int, then: int | None) -> Steps:
        told.append((checkpoint, then))
        yield from ()

    submit(work, Urgency.SWEEP, steps, [], nothing)
    submit(work, Urgency.SWEEP, steps, [4, 2, 7], nothing)
    assert work.wait(60)
    assert told == [(4, 2), (2, 7), (7, None)]


def test_what_is_dropped_by_itself_ends_by_itself_and_hands_over_what_it_found() -> None:
    work, found = Work(nothing), []

    def steps() -> Steps:
        with SHARED:
            work.drop(task)
        found.append("computed")
        yield from ()

    with SHARED:
        task = work.submit_steps(Urgency.ASKED, steps(), lambda: found.append("handed over"))
    assert work.wait(30)
    assert found == ["computed", "handed over"]
