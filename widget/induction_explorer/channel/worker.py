"""Long work off the threads that people wait for: one small step at a time, most urgent first."""

from __future__ import annotations

import atexit
import itertools
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import Any

#: Whoever touches what explorers hold has this. Cells run on the main thread, a page's messages
#: may arrive on a subshell's, results on the worker's, and explorers on one series share what is
#: known of it: so there is one lock for all of them. It is not held while a model runs.
SHARED = threading.Condition(threading.RLock())

#: Seconds after which a task lets others come before it, at the end of a pass.
STEP = 0.1

Steps = Generator[Any, None, None]


class Urgency(IntEnum):
    """Someone waits for it; it is seen beside that; it makes scrubbing complete; it fills the
    curves; it is the rest of what was asked for; it fills the measures; it may be looked at
    next."""

    ASKED = 0
    BESIDE = 1
    PROMPT = 2
    SWEEP = 3
    REST = 4
    MEASURE = 5
    NEXT = 6


@dataclass(eq=False)
class Task:
    """Work in steps, between which others may come before it.

    Attributes:
        is_awaited: whether someone looks at what it is for.
        passes: how many steps it has, about; `done` counts them where they are several.
        label: what it does, in words.
        counted: so many passes as a reader counts them: "37 of 162 heads". None counts passes.
        steps: must not raise.
        cancelled: nobody wants it any more: it ends with the step that runs.
    """

    urgency: Urgency
    is_awaited: Callable[[], bool]
    passes: int = 1
    label: str = ""
    counted: Callable[[int], str] | None = None
    done: int = 0
    steps: Steps = field(init=False)
    number: int = field(init=False)
    cancelled: bool = False

    @property
    def progress(self) -> str:
        if self.counted is not None:
            return self.counted(self.done)
        return f"{self.done:,} of {self.passes:,} passes"

    @property
    def place(self) -> tuple[bool, Urgency, int, int]:
        """In the queue: what takes few passes does not wait for what takes many."""
        return not self.is_awaited(), self.urgency, self.passes, self.number


class Worker:
    """One thread for all explorers of a kernel, so that models never run against each other."""

    def __init__(self) -> None:
        self._tasks: dict[int, Task] = {}
        self._numbers = itertools.count()
        self._ended = False
        self._current: Task | None = None
        self._thread = threading.Thread(target=self._work, name="induction-explorer", daemon=True)
        self._thread.start()
        atexit.register(self._end)

    @property
    def is_here(self) -> bool:
        """Whether this is the worker's own thread."""
        return threading.current_thread() is self._thread

    def is_running(self, task: Task) -> bool:
        """Whether it is this task that asks."""
        return self.is_here and task is self._current

    def submit(self, task: Task) -> None:
        """Queue a task."""
        with SHARED:
            task.number = next(self._numbers)
            self._tasks[task.number] = task
            SHARED.notify_all()

    def cancel(self, task: Task) -> None:
        """End a task: now, or after the step that runs."""
        with SHARED:
            task.cancelled = True
            if self._tasks.pop(task.number, None) is not None:
                task.steps.close()

    def _work(self) -> None:
        while (task := self._next()) is not None:
            self._current = task
            goes_on = self._advance(task)
            with SHARED:
                dropped = task.cancelled
                if goes_on and not dropped:
                    self._tasks[task.number] = task
            if dropped:
                task.steps.close()
            self._current = None
            del task  # an idle worker holds on to nothing

    def _advance(self, task: Task) -> bool:
        """Whether there is more to do after this step."""
        end = time.monotonic() + STEP
        return any(time.monotonic() >= end or task.cancelled or self._ended for _ in task.steps)

    def _next(self) -> Task | None:
        with SHARED:
            SHARED.wait_for(lambda: self._tasks or self._ended)
            if self._ended:
                return None
            first = min(self._tasks.values(), key=lambda task: task.place)
            return self._tasks.pop(first.number)

    def _end(self) -> None:
        """Let the step at work finish: a thread that the interpreter kills inside torch aborts the
        whole process."""
        with SHARED:
            self._ended = True
            SHARED.notify_all()
        self._thread.join()


@cache
def shared_worker() -> Worker:
    """The kernel's one worker; its thread starts with the first explorer. Call it with SHARED."""
    return Worker()


def soon(step: Callable[[], None]) -> None:
    """Run a step on the worker, before what takes longer or waits for nobody; it must not raise."""

    def steps() -> Steps:
        step()
        yield from ()

    task = Task(Urgency.ASKED, lambda: True)
    task.steps = steps()
    with SHARED:
        shared_worker().submit(task)
