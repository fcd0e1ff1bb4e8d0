"""Computes what is waited for, a step at a time, and hands it to those who wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from induction_explorer.analyses.one_pass import OnePass
from induction_explorer.analyses.patterns import Patterns
from induction_explorer.analyses.predictions import Predictions
from induction_explorer.channel.subject import Subject
from induction_explorer.channel.work import Work, without_frames
from induction_explorer.channel.worker import SHARED, STEP, Steps, Task, Urgency
from induction_explorer.contract import Analysis, Arrays
from induction_explorer.series import budget
from induction_explorer.series.at import At
from induction_explorer.series.prompt import Prompt
from induction_explorer.series.session import SeriesSession


class Listener(Protocol):
    """Waits for checkpoints of a subject; must not raise."""

    def hear(self, checkpoint: int, arrays: Arrays, share: float) -> None:
        """What is known so far; a `share` of 1 is all of it."""

    def fail(self, checkpoint: int, error: Exception) -> None: ...


@dataclass(eq=False)
class _Wait:
    """For one checkpoint of a subject.

    Attributes:
        task: brings it; None where it comes with the rest of its prompt.
    """

    listeners: list[Listener] = field(default_factory=list)
    task: Task | None = None


class Answering:
    """What is waited for in one explorer, and the tasks that bring it. Touched with SHARED; a task
    that nobody waits for any more is dropped."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._waits: dict[tuple[Subject, int], _Wait] = {}
        self._ahead: dict[tuple[Subject, int], Task] = {}

    def ask(
        self,
        subject: Subject,
        checkpoints: Iterable[int],
        listener: Listener,
        urgency: Urgency = Urgency.ASKED,
    ) -> None:
        """Let the listener hear of these, in this order: only the first is as urgent as is said."""
        for checkpoint in checkpoints:
            wait = self._waits.setdefault((subject, checkpoint), _Wait())
            wait.listeners.append(listener)
            if wait.task is not None:
                wait.task.urgency = min(wait.task.urgency, urgency)
            elif urgency <= Urgency.BESIDE or not self._comes_ahead(subject, checkpoint):
                wait.task = self._begin(urgency, subject, checkpoint)
            urgency = Urgency.REST

    def stop(self, listener: Listener) -> None:
        """It waits no more."""
        for key, wait in list(self._waits.items()):
            if listener in wait.listeners:
                wait.listeners.remove(listener)
                if not wait.listeners:
                    self._forget(key)

    def run_ahead(
        self,
        session: SeriesSession,
        prompt: Prompt,
        checkpoints: Iterable[int],
        urgency: Urgency = Urgency.PROMPT,
    ) -> None:
        """Compute all of a prompt before anyone asks."""
        subject = Subject.of(session, Predictions(), prompt)
        for checkpoint in checkpoints:
            self._ahead[subject, checkpoint] = self._begin(urgency, subject, checkpoint)

    def stop_running_ahead(self) -> None:
        for task in self._ahead.values():
            self._work.drop(task)
        self._ahead.clear()

    def _begin(self, urgency: Urgency, subject: Subject, checkpoint: int) -> Task:
        session = subject.session.with_model()
        passes = subject.analysis.passes(session)
        steps = self._steps(subject, checkpoint)
        is_ahead = urgency in (Urgency.PROMPT, Urgency.NEXT)
        label = "" if is_ahead else subject.analysis.doing
        counted = subject.analysis.counting(session)
        return self._work.submit_steps(urgency, steps, passes=passes, label=label, counted=counted)

    def _comes_ahead(self, subject: Subject, checkpoint: int) -> bool:
        """Whether all of the prompt is still to be computed there."""
        if not isinstance(subject.analysis, Patterns | Predictions):
            return False
        whole = Subject.of(subject.session, Predictions(), subject.prompt)
        task = self._ahead.get((whole, checkpoint))
        return task is not None and self._work.has(task)

    def _together(self, subject: Subject, checkpoint: int) -> Iterator[Subject]:
        """What one pass serves: this, what else is waited for, and of a prompt that is computed
        ahead all that there is."""
        yield subject
        if not isinstance(subject.analysis, OnePass) or subject.prompt is None:
            return
        session, prompt, by = subject.session, subject.prompt, subject.analysis.weighed_by
        for other, at in self._waits:
            if at != checkpoint or other.session is not session or other.prompt is None:
                continue
            alike = isinstance(other.analysis, OnePass) and other.analysis.weighed_by == by
            if alike and other.prompt.ids == prompt.ids:
                yield other
        if prompt.scrub and by is None:
            yield Subject.of(session, Predictions(), prompt)
            for head in session.every_head:
                yield Subject.of(session, Patterns(head), prompt)

    def _steps(self, subject: Subject, checkpoint: int) -> Steps:
        """On the worker's thread."""
        with SHARED:
            missing = []
            for one in dict.fromkeys(self._together(subject, checkpoint)):
                known = one.known(checkpoint)
                if known is None:
                    missing.append(one)
                else:
                    self._hand_over(one, checkpoint, known)
        if not missing:
            return
        try:
            yield from self._compute(missing[0], missing[1:], checkpoint)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
            with SHARED:
                for one in missing:
                    self._fail(one, checkpoint, error)

    def _compute(self, first: Subject, others: Sequence[Subject], checkpoint: int) -> Steps:
        session, analysis = first.session.with_model(), first.analysis
        beside = {one.analysis: one for one in others}

        def give(other: Analysis, arrays: Arrays) -> None:
            with SHARED:
                self._keep(beside[other], checkpoint, arrays)

        passes = analysis.passes(session)
        model = session.load(checkpoint)
        at = At(session, checkpoint, model, first.prompt, list(beside), give)
        known: Callable[[], Arrays] = dict
        count, spent, shown = 0, 0.0, time.monotonic()
        with closing(analysis.steps(at)) as steps:
            while True:
                session.series.model(checkpoint)  # others may have been here since
                began = time.monotonic()
                step = next(steps, None)
                spent += time.monotonic() - began
                if step is None:
                    break
                known, count = step, count + 1
                if count < passes and time.monotonic() >= shown + STEP:
                    arrays = known()
                    with SHARED:
                        self._show(first, checkpoint, arrays, count / passes)
                    shown = time.monotonic()
                if passes > 1:
                    yield
        arrays = known()
        session.time(budget.work(analysis, session, first.prompt), spent)
        with SHARED:
            self._keep(first, checkpoint, arrays)

    def _keep(self, subject: Subject, checkpoint: int, arrays: Arrays) -> None:
        subject.session.results.keep(subject.question, checkpoint, arrays)
        self._hand_over(subject, checkpoint, arrays)
        subject.analysis.tell(subject.session.with_model())

    def _show(self, subject: Subject, checkpoint: int, arrays: Arrays, share: float) -> None:
        wait = self._waits.get((subject, checkpoint), _Wait())
        for listener in list(wait.listeners):
            listener.hear(checkpoint, arrays, share)

    def _hand_over(self, subject: Subject, checkpoint: int, arrays: Arrays) -> None:
        for listener in self._forget((subject, checkpoint)):
            listener.hear(checkpoint, arrays, 1)

    def _fail(self, subject: Subject, checkpoint: int, error: Exception) -> None:
        """Nobody keeps it: whoever asks again wants it tried again."""
        for listener in self._forget((subject, checkpoint)):
            listener.fail(checkpoint, without_frames(error))

    def _forget(self, key: tuple[Subject, int]) -> list[Listener]:
        wait = self._waits.pop(key, _Wait())
        if wait.task is not None:
            self._work.drop(wait.task)
        return wait.listeners
