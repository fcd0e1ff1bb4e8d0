"""What a test leaves behind is closed for it, and said where it cannot be."""

from __future__ import annotations

import threading

import pytest
from induction_explorer import CheckpointSeries, InductionExplorer
from induction_explorer.channel.worker import SHARED, Task, Urgency, shared_worker
from leftovers import living, nothing_left, tasks


def test_an_explorer_that_a_test_forgets_is_closed_with_all_it_has_to_do(
    series: CheckpointSeries,
) -> None:
    made: list[InductionExplorer] = []

    def fail_with_one_open() -> None:
        with nothing_left():
            made.append(InductionExplorer(series))
            raise RuntimeError(f"in the middle of a test, with {len(tasks())} tasks to do")

    with SHARED:  # nothing is done until it is closed
        with pytest.raises(RuntimeError, match=r"with [1-9]"):
            fail_with_one_open()
        assert made[0].comm is None
        assert made[0] not in living()
        assert not tasks()


def test_a_task_that_no_explorer_owns_is_said() -> None:
    task = Task(Urgency.ASKED, lambda: False)
    task.steps = (step for step in ())
    with SHARED:
        with pytest.raises(AssertionError), nothing_left():
            shared_worker().submit(task)
        shared_worker().cancel(task)


def test_a_thread_that_goes_on_is_said() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait, name="left over")
    with pytest.raises(AssertionError, match="left over"), nothing_left(patience=0):
        thread.start()
    over.set()
    thread.join()
