"""Requests from JavaScript, answered part by part as results come: js/src/kernel/model.ts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from induction_kernels.errors import SelectionError

from induction_explorer.analyses.subjects import Subject
from induction_explorer.channel.wire import reply_messages
from induction_explorer.channel.work import Work, say
from induction_explorer.channel.worker import SHARED, Urgency

Send = Callable[..., None]


@dataclass(eq=False)
class Pending:
    """A request that waits for checkpoints of its subject."""

    id: str
    subject: Subject
    waiting: list[int]
    send: Send

    def reply(self, checkpoints: list[int], *, done: bool) -> None:
        """One part with these checkpoints."""
        body, arrays = self.subject.part(checkpoints)
        body = body | {"checkpoints": checkpoints}
        for message, buffers in reply_messages(self.id, body, arrays, done=done):
            self.send(message, buffers)


class Requests:
    """Takes requests, keeps the ones that have to wait, and answers them."""

    def __init__(
        self,
        work: Work,
        subject_of: Callable[[Mapping[str, Any]], Subject | None],
        grid: Callable[[int, str], np.ndarray],
        run_prompt: Callable[[str, str], None],
    ) -> None:
        self._work = work
        self._subject_of = subject_of
        self._grid = grid
        self._run_prompt = run_prompt
        self._pending: dict[str, Pending] = {}

    def receive(self, content: Mapping[str, Any], send: Send) -> None:
        """Answer a request, now or part by part later; an exception becomes an error reply."""
        request = str(content.get("id", ""))
        with SHARED:
            self._receive(request, content, send)

    def _receive(self, request: str, content: Mapping[str, Any], send: Send) -> None:
        try:
            match content.get("kind"):
                case "prompt":
                    self._run_prompt(content["text"], content["answer"])
                    _send_all(send, request, {}, {})
                case "grid":
                    grid = self._grid(content["series"], content["score"])
                    _send_all(send, request, {}, {"grid": grid})
                case "ping":
                    _send_all(send, request, {"waiting": list(self._pending)}, {})
                case "cancel":
                    self._pending.pop(request, None)
                case kind:
                    subject = self._subject_of(content)
                    if subject is None:
                        raise SelectionError(f"There is no request of kind {kind!r}.")
                    self._wait_for(Pending(request, subject, [], send), content["checkpoints"])
        except Exception as error:  # the reader's to see, never only a log line
            send({"id": request, "error": say(error)})

    def serve(self) -> None:
        """Send what has just been computed to whoever waits for it."""
        for pending in list(self._pending.values()):
            for checkpoint in [i for i in pending.waiting if pending.subject.has(i)]:
                pending.waiting.remove(checkpoint)
                pending.reply([checkpoint], done=not pending.waiting)
            self._finish(pending)

    def drop_stale(self) -> None:
        """Forget what was asked of an earlier prompt."""
        self._pending = {k: p for k, p in self._pending.items() if p.subject.is_current()}

    def _wait_for(self, pending: Pending, checkpoints: list[int]) -> None:
        subject = pending.subject
        _check(subject, checkpoints)
        # Whoever asks again for what failed wants it tried again.
        failed = {i for i in checkpoints if subject.forget_fault(i)}
        ready = [i for i in checkpoints if subject.has(i)]
        pending.waiting = [i for i in checkpoints if i not in ready]
        self._pending[pending.id] = pending
        if ready:
            pending.reply(ready, done=not pending.waiting)
        self._finish(pending)
        # Only the first asked for jumps the queue; where all are computed anyway, the rest is on
        # its way.
        for checkpoint in pending.waiting:
            first = checkpoint == pending.waiting[0]
            if subject.ahead and not first and checkpoint not in failed:
                continue
            self._work.submit(
                Urgency.ASKED if first else Urgency.REST,
                partial(self._compute, subject, checkpoint),
                self.serve,
            )

    def _compute(self, subject: Subject, checkpoint: int) -> None:
        """On the worker's thread: nothing, when nobody waits for it any more."""
        with SHARED:
            wanted = [p.subject for p in self._pending.values() if checkpoint in p.waiting]
        if subject in wanted:
            subject.compute(checkpoint, wanted)

    def _finish(self, pending: Pending) -> None:
        """Let go of a request that has all it can get; what failed is said at the end."""
        faults = pending.subject.faults
        if any(i not in faults for i in pending.waiting):
            return
        self._pending.pop(pending.id, None)
        if pending.waiting:
            fault = faults[pending.waiting[0]]
            pending.send({"id": pending.id, "error": {"message": fault, "hint": ""}})


def _send_all(
    send: Send, request: str, body: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> None:
    for message, buffers in reply_messages(request, body, arrays, done=True):
        send(message, buffers)


def _check(subject: Subject, checkpoints: list[int]) -> None:
    count = len(subject.session.series)
    for checkpoint in checkpoints:
        if not 0 <= checkpoint < count:
            raise SelectionError(
                f"There is no checkpoint {checkpoint} in {subject.session.name}.",
                f"Checkpoints go from 0 to {count - 1}.",
            )
