"""What a test may leave behind: nothing. No explorer, no task of one, no thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from induction_explorer import InductionExplorer
from induction_explorer.channel.work import Work
from induction_explorer.channel.worker import SHARED, Urgency, shared_worker
from induction_explorer.lifetime import _living
from ipywidgets.widgets.widget import _instances
from patience import PATIENCE

#: Threads that serve the whole process: the worker, those that read checkpoints ahead and keep what
#: a sweep finds, tqdm's, zarr's.
STAYING = (
    "induction-explorer", "induction-read-ahead", "induction-store", "tqdm_monitor", "zarr",
    "asyncio",
)  # fmt: skip


@contextmanager
def nothing_left(patience: float = PATIENCE) -> Iterator[None]:
    """Close every explorer that was made within.

    Args:
        patience: seconds for threads to end.

    Raises:
        AssertionError: closing them leaves something; it says what.
    """
    explorers, threads = living(), set(threading.enumerate())
    try:
        yield
    finally:
        for explorer in living() - explorers:
            explorer.close()
    assert living() == explorers
    assert {w for w in list(_instances.values()) if isinstance(w, InductionExplorer)} <= explorers
    assert tasks() <= {number for each in explorers for number in each._work._tasks}
    until_idle()
    for thread in set(threading.enumerate()) - threads:
        if not thread.name.startswith(STAYING):
            thread.join(patience)
            assert not thread.is_alive(), f"{thread} still runs"


def living() -> set[InductionExplorer]:
    """Explorers that are not closed."""
    with SHARED:
        return set(_living)


def tasks() -> set[int]:
    """Numbers of the tasks that wait for the worker."""
    with SHARED:
        return set(shared_worker()._tasks)


def until_idle() -> None:
    """Until the worker is through with what it has begun."""
    last = Work(lambda: None)
    last.submit(Urgency.ASKED, lambda: None, lambda: None)
    assert last.wait(PATIENCE), "the worker does not come to an end"
