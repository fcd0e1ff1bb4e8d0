"""Long work off the threads that people wait for: one small task at a time, most urgent first."""

from __future__ import annotations

import atexit
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

#: Whoever touches what explorers hold has this. Cells run on the main thread, a page's messages
#: may arrive on a subshell's, results on the worker's, and explorers on one series share what is
#: known of it: so there is one lock for all of them. It is not held while a model runs.
SHARED = threading.Condition(threading.RLock())


class Urgency(IntEnum):
    """Someone waits for it; it makes scrubbing complete; it fills the curves; it is the rest of
    what was asked for; it fills the measures."""

    ASKED = 0
    PROMPT = 1
    SWEEP = 2
    REST = 3
    MEASURE = 4


@dataclass(frozen=True)
class Task:
    """A unit of work.

    Attributes:
        is_awaited: whether someone looks at what it is for.
    """

    urgency: Urgency
    number: int
    run: Callable[[], None]
    is_awaited: Callable[[], bool]

    @property
    def place(self) -> tuple[bool, Urgency, int]:
        """In the queue."""
        return not self.is_awaited(), self.urgency, self.number


class Worker:
    """One thread for all explorers of a kernel, so that models never run against each other."""

    def __init__(self) -> None:
        self._tasks: dict[int, Task] = {}
        self._numbers = itertools.count()
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="induction-explorer", daemon=True)
        self._thread.start()
        atexit.register(self._end)

    @property
    def is_here(self) -> bool:
        """Whether this is the worker's own thread."""
        return threading.current_thread() is self._thread

    def submit(
        self, urgency: Urgency, run: Callable[[], None], is_awaited: Callable[[], bool]
    ) -> Task:
        """Queue `run`, which must not raise."""
        with SHARED:
            task = Task(urgency, next(self._numbers), run, is_awaited)
            self._tasks[task.number] = task
            SHARED.notify_all()
        return task

    def cancel(self, task: Task) -> None:
        """Forget a task; one that has begun goes on."""
        with SHARED:
            self._tasks.pop(task.number, None)

    def _work(self) -> None:
        while (task := self._next()) is not None:
            task.run()
            del task  # an idle worker holds on to nothing

    def _next(self) -> Task | None:
        with SHARED:
            SHARED.wait_for(lambda: self._tasks or self._ended)
            if self._ended:
                return None
            first = min(self._tasks.values(), key=lambda task: task.place)
            return self._tasks.pop(first.number)

    def _end(self) -> None:
        """Let the task at work finish: a thread that the interpreter kills inside torch aborts the
        whole process."""
        with SHARED:
            self._ended = True
            SHARED.notify_all()
        self._thread.join()


@cache
def shared_worker() -> Worker:
    """The kernel's one worker; its thread starts with the first explorer. Call it with SHARED."""
    return Worker()
