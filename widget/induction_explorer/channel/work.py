"""One explorer's share of the worker: what it has asked for, how far that is, what went wrong."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from induction_kernels.errors import InductionError
from induction_kernels.names import legible
from traitlets import TraitError

from induction_explorer.channel.worker import SHARED, STEP, Steps, Task, Urgency, shared_worker
from induction_explorer.series.budget import TooLargeError, duration

E = TypeVar("E", bound=BaseException)

_log = logging.getLogger(__name__)

_LABELS = {
    Urgency.ASKED: "Computing what was asked for",
    Urgency.BESIDE: "Computing small patterns",
    Urgency.PROMPT: "Running the prompt on every checkpoint",
    Urgency.SWEEP: "Scoring heads at every checkpoint",
    Urgency.REST: "Computing what was asked for at every checkpoint",
    Urgency.MEASURE: "Measuring losses at every checkpoint",
    Urgency.NEXT: "Running the prompts beside it",
}


def without_frames(error: E) -> E:
    """An error to keep: its traceback would keep everything that was at work when it was raised."""
    at: BaseException | None = error
    while at is not None:
        at.__traceback__ = None
        at = at.__cause__ or at.__context__
    return error


class Status:
    """The three states of `Status` in js/src/kernel/model.ts."""

    @staticmethod
    def ready() -> dict[str, Any]:
        return {
            "state": "ready", "label": "", "progress": "", "done": 0, "total": 0, "error": None
        }  # fmt: skip

    @staticmethod
    def computing(label: str, progress: str, done: int, total: int) -> dict[str, Any]:
        return Status.ready() | {
            "state": "computing", "label": label, "progress": progress, "done": done, "total": total
        }  # fmt: skip

    @staticmethod
    def with_error(status: dict[str, Any], error: Exception) -> dict[str, Any]:
        """What went wrong, beside the progress of whatever still runs."""
        state = "failed" if status["state"] == "ready" else status["state"]
        return status | {"state": state, "error": say(error)}


def say(error: Exception) -> dict[str, Any]:
    """`ErrorInfo` of js/src/kernel/model.ts."""
    if isinstance(error, TooLargeError):
        return {"message": legible(error.message), "hint": legible(error.hint), "anyway": True}
    if isinstance(error, InductionError):
        return {"message": legible(error.message), "hint": legible(error.hint)}
    if isinstance(error, TraitError):
        return {"message": legible(str(error)), "hint": ""}
    return {
        "message": legible(f"{type(error).__name__}: {error}"),
        "hint": "This is a bug in Induction Explorer; please report it with this message.",
    }


@dataclass
class Pace:
    """Of one kind of work, since nothing was left of it.

    Attributes:
        tasks: that are over.
        finished: passes of these.
        seconds: that were spent on it, not on what came between.
    """

    tasks: int = 0
    finished: int = 0
    seconds: float = 0

    def left(self, done: int, total: int) -> str:
        """How long the rest takes if it goes on like this, in words; "" of what is short or has
        only begun."""
        rest = self.seconds / done * (total - done) if done else 0.0
        return f"about {duration(rest)} left" if rest >= 5 and self.seconds >= 2 else ""


class Work:
    """Tasks of one explorer: computed on the worker's thread, finished there with SHARED."""

    def __init__(self, on_progress: Callable[[], None]) -> None:
        self._on_progress = on_progress
        self._tasks: dict[int, Task] = {}
        #: By what the page calls it.
        self._paces: defaultdict[str, Pace] = defaultdict(Pace)
        #: What ran last.
        self._last: Task | None = None
        self._errors: dict[Urgency, Exception] = {}
        self._waiting = 0
        #: Someone looks at what it does: it is done before what nobody sees.
        self.watched = False

    @property
    def error(self) -> Exception | None:
        """The last thing that went wrong, until work of its kind begins anew."""
        with SHARED:
            return next(reversed(self._errors.values()), None)

    @property
    def pending(self) -> int:
        """Tasks that are not finished."""
        return len(self._tasks)

    def has(self, task: Task) -> bool:
        """Whether it is not finished."""
        return task.number in self._tasks

    def count(self, urgency: Urgency) -> int:
        with SHARED:
            return sum(task.urgency == urgency for task in self._tasks.values())

    def submit(
        self,
        urgency: Urgency,
        compute: Callable[[], Any],
        finish: Callable[[], Any],
        label: str = "",
    ) -> None:
        """Run `compute` on the worker as one step, then `finish` with SHARED."""

        def steps() -> Steps:
            compute()
            yield from ()

        self.submit_steps(urgency, steps(), finish, label=label)

    def submit_steps(
        self,
        urgency: Urgency,
        steps: Steps,
        finish: Callable[[], Any] = lambda: None,
        passes: int = 1,
        label: str = "",
        counted: Callable[[int], str] | None = None,
    ) -> Task:
        """Run these on the worker, one after the other as long as nothing is more urgent.

        Args:
            label: what they do, in words; by default what work of this urgency does.
            counted: so many passes as a reader counts them; by default as passes.
        """
        with SHARED:
            if not self.count(urgency):
                self._errors.pop(urgency, None)
            label = label or _LABELS[urgency]
            task = Task(urgency, self._is_awaited, passes, label, counted)
            task.steps = self._follow(task, steps, finish)
            shared_worker().submit(task)
            self._tasks[task.number] = task
        return task

    def _follow(self, task: Task, steps: Steps, finish: Callable[[], Any]) -> Steps:
        """The steps, counted and told of; whatever goes wrong is kept to be shown."""
        failure: Exception | None = None
        self._last, pace = task, self._paces[task.label]
        told = began = time.monotonic()
        try:
            for _ in steps:
                now = time.monotonic()
                with SHARED:
                    pace.seconds += now - began
                    if task.passes > 1:
                        task.done = min(task.done + 1, task.passes)
                    if now >= told + STEP:
                        self._tell()
                        told = now
                yield
                self._last, began = task, time.monotonic()
        except Exception as error:  # noqa: BLE001 - shown to the reader, whatever it is
            failure = error
        finally:
            steps.close()
        with SHARED:
            pace.seconds += time.monotonic() - began
            self._finish(task, finish, failure)

    def wait(self, timeout: float) -> bool:
        """Whether everything is finished, within `timeout` seconds.

        Raises:
            RuntimeError: the worker would wait for itself.
        """
        with SHARED:
            if self._tasks and shared_worker().is_here:
                raise RuntimeError(
                    "wait() was called while a result was being handed over, as by a function "
                    "that observes a trait. Results come one by one after it returns; wait in a "
                    "cell."
                )
            self._waiting += 1
            try:
                return SHARED.wait_for(lambda: not self._tasks, timeout)
            finally:
                self._waiting -= 1

    def cancel(self, urgency: Urgency | None = None) -> None:
        """End all of it, or what has this urgency, at the latest with the step that runs."""
        with SHARED:
            for task in list(self._tasks.values()):
                if urgency is None or task.urgency == urgency:
                    self.drop(task)

    def drop(self, task: Task) -> None:
        """End a task at the latest with the step that runs; one that asks for it ends by itself."""
        with SHARED:
            if (
                not shared_worker().is_running(task)
                and self._tasks.pop(task.number, None) is not None
            ):
                shared_worker().cancel(task)
                self._forget_pace(task.label)
                if not self._tasks:  # else what is left tells of itself
                    self._tell()
                SHARED.notify_all()

    def status(self) -> dict[str, Any]:
        """How far the kind of work is that runs now, or else comes next."""
        with SHARED:
            if not self._tasks:
                return Status.ready()
            now = self._last
            if now is None or not self.has(now):
                now = min(self._tasks.values(), key=lambda task: task.place)
            pace = self._paces[now.label]
            alike = [task for task in self._tasks.values() if task.label == now.label]
            done = pace.finished + sum(task.done for task in alike)
            total = pace.finished + sum(task.passes for task in alike)
            words = [_counted(now, pace.tasks, len(alike)), pace.left(done, total)]
            return Status.computing(now.label, ", ".join(filter(None, words)), done, total)

    def _forget_pace(self, label: str) -> None:
        """Once nothing is left of it."""
        if all(task.label != label for task in self._tasks.values()):
            self._paces.pop(label, None)

    def _is_awaited(self) -> bool:
        return self.watched or self._waiting > 0

    def _finish(self, task: Task, finish: Callable[[], Any], failure: Exception | None) -> None:
        if self._tasks.pop(task.number, None) is None:
            return
        try:
            if failure is None:
                finish()
        except Exception as error:  # noqa: BLE001 - shown as well
            failure = error
        if failure is not None:
            self._errors.pop(task.urgency, None)  # the last comes last
            self._errors[task.urgency] = without_frames(failure)
        pace = self._paces[task.label]
        pace.tasks, pace.finished = pace.tasks + 1, pace.finished + task.passes
        self._forget_pace(task.label)
        self._tell()
        SHARED.notify_all()

    def _tell(self) -> None:
        try:
            self._on_progress()
        except Exception:  # noqa: BLE001 - it cannot be told to the reader: the worker must go on
            _log.exception("Induction Explorer could not show its progress.")


def _counted(task: Task, before: int, left: int) -> str:
    """How far work is of which every checkpoint is a task; "" of what is a single pass.

    Args:
        task: what runs now.
        before: how many such tasks are over.
        left: how many are not.
    """
    several = before + left > 1
    if task.passes > 1:
        where = f" at checkpoint {before + 1:,} of {before + left:,}" if several else ""
        return task.progress + where
    each = (
        "answers"
        if task.urgency in (Urgency.ASKED, Urgency.BESIDE, Urgency.REST)
        else "checkpoints"
    )
    return f"{before:,} of {before + left:,} {each}" if several else ""
