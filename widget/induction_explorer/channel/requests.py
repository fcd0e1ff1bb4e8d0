"""Requests from JavaScript, answered part by part as results come: `Request` of kernel/model.ts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from induction_kernels.errors import InductionError, SelectionError

import induction_explorer.analyses  # noqa: F401 - enters them
from induction_explorer.channel.saving import Save, Saving
from induction_explorer.channel.subject import Subject
from induction_explorer.channel.wire import reply_messages
from induction_explorer.channel.work import Work, say, without_frames
from induction_explorer.channel.worker import SHARED, Urgency
from induction_explorer.contract import ANALYSES, Arrays, Index, read
from induction_explorer.series import budget
from induction_explorer.series.curves import Curves, Rows
from induction_explorer.series.known import Known
from induction_explorer.series.prompt import Prompt
from induction_explorer.series.several import one_of
from induction_explorer.series.stored import StoreSession

if TYPE_CHECKING:
    from induction_explorer.channel.answering import Answering

Send = Callable[..., None]

_log = logging.getLogger(__name__)

#: Of requests that are no analysis.
_KINDS = ("prompt", "again", "rows", "save", "ping", "cancel")


class _Asked(msgspec.Struct):
    """What a request for an analysis says beside its parameters.

    Attributes:
        anyway: however long it takes.
        beside: it is seen small, beside what the reader chose, and comes after that.
    """

    series: Index
    checkpoints: tuple[Index, ...]
    anyway: bool = False
    beside: bool = False


class _OfPrompt(msgspec.Struct):
    generation: int


class _Prompt(msgspec.Struct):
    text: str
    answer: str


class _Again(msgspec.Struct):
    """A score of the reader's own is to be computed again where it failed."""

    series: Index
    score: str


@dataclass(eq=False)
class Pending:
    """A request that waits for checkpoints of its subject.

    Attributes:
        done: called when it waits no more.
    """

    id: str
    subject: Subject
    waiting: list[int]
    send: Send
    generation: int | None
    done: Callable[[Pending], None]
    failures: dict[int, Exception] = field(default_factory=dict)

    def hear(self, checkpoint: int, arrays: Arrays, share: float) -> None:
        """One part with this checkpoint, or with what is known of it."""
        if share == 1:
            self.waiting.remove(checkpoint)
        self.reply({checkpoint: arrays}, share)

    def fail(self, checkpoint: int, error: Exception) -> None:
        """What failed is said when all others are through."""
        self.failures[checkpoint] = error
        self.finish()

    def reply(self, answers: Mapping[int, Arrays], share: float = 1) -> None:
        """One part with these checkpoints; what it cannot say ends the request."""
        try:
            for message, buffers in self._part(answers, share):
                self.send(message, buffers)
        except Exception as error:  # noqa: BLE001 - others wait as well
            self._end(error)
        else:
            self.finish()

    def finish(self) -> None:
        """End when all has come that can."""
        if not self.waiting:
            self.done(self)
        elif all(checkpoint in self.failures for checkpoint in self.waiting):
            self._end(self.failures[self.waiting[0]])

    def _end(self, error: Exception) -> None:
        self.done(self)
        try:
            self.send({"id": self.id, "error": say(without_frames(error))})
        except Exception:  # noqa: BLE001 - the page is out of reach; others are not
            _log.exception("Induction Explorer could not say why it does not answer.")

    def _part(self, answers: Mapping[int, Arrays], share: float) -> Iterable[Any]:
        session, analysis = self.subject.session, self.subject.analysis
        each = list(answers.values())
        arrays = {name: np.stack([one[name] for one in each]) for name in analysis.arrays}
        body = {"checkpoints": list(answers), "share": share, "generation": self.generation}
        body |= analysis.words(session, each)
        return reply_messages(self.id, body, arrays, done=not self.waiting, may_pack=True)


class Requests:
    """Takes requests, keeps the ones that have to wait, and answers them."""

    def __init__(
        self,
        work: Work,
        sessions: Sequence[Known],
        curves: Curves,
        run_prompt: Callable[[str, str], None],
        score_again: Callable[[int, str], None],
    ) -> None:
        self._sessions = sessions
        self._curves = curves
        self._run_prompt = run_prompt
        self._score_again = score_again
        self._saving = Saving()
        self._answering = _answering(work, sessions)
        self._pending: dict[str, Pending] = {}
        self._prompts: list[Prompt | InductionError] = []
        self._generation = 0

    def receive(self, content: Mapping[str, Any], send: Send) -> None:
        """Answer a request, now or part by part later; an exception becomes an error reply."""
        request = str(content.get("id", ""))
        with SHARED:
            try:
                self._receive(request, content, send)
            except Exception as error:  # noqa: BLE001 - the reader's to see, never only a log line
                send({"id": request, "error": say(error)})

    def follow(
        self,
        prompts: Sequence[Prompt | InductionError],
        generation: int,
        order: Callable[[Known], Sequence[int]],
        beside: Sequence[Sequence[Prompt | InductionError]] = (),
    ) -> None:
        """There are new prompts, one a series: what was asked of others is forgotten.

        Args:
            beside: those that may be looked at next, run when nothing else waits.
        """
        for pending in list(self._pending.values()):
            if pending.generation is not None:
                self._stop(pending)
        if self._answering is not None:
            self._answering.stop_running_ahead()
        left = {
            (session, prompt.ids)
            for session, prompt in zip(self._sessions, self._prompts, strict=False)
            if isinstance(prompt, Prompt)
        }
        self._prompts, self._generation = list(prompts), generation
        for session, prompt in zip(self._sessions, prompts, strict=True):
            if isinstance(prompt, Prompt):
                left.discard((session, prompt.ids))
                if prompt.scrub and self._answering is not None:
                    self._answering.run_ahead(session.with_model(), prompt, order(session))
        for session, ids in left:
            session.results.leave(ids)
        for prompts_beside in beside:
            self._run_beside(prompts_beside, order)

    def _run_beside(
        self,
        prompts: Sequence[Prompt | InductionError],
        order: Callable[[Known], Sequence[int]],
    ) -> None:
        for session, prompt in zip(self._sessions, prompts, strict=True):
            if isinstance(prompt, Prompt) and prompt.scrub and self._answering is not None:
                self._answering.run_ahead(
                    session.with_model(), prompt, order(session), Urgency.NEXT
                )

    def run_ahead(self, session: Known, checkpoints: Sequence[int]) -> bool:
        """There are these as well to run the prompt on; whether that is as it was: they may be too
        many now to run it on all of them unasked."""
        for one, prompt in zip(self._sessions, self._prompts, strict=True):
            if one is not session or not isinstance(prompt, Prompt) or self._answering is None:
                continue
            if prompt.scrub:
                if not one.light:
                    return False
                # After the scores: what came may not be whole before one could be read.
                self._answering.run_ahead(session.with_model(), prompt, checkpoints, Urgency.REST)
        return True

    def forget(self) -> None:
        """Nobody waits for an answer any more: whoever did asks again."""
        for pending in list(self._pending.values()):
            self._stop(pending)

    def _receive(self, request: str, content: Mapping[str, Any], send: Send) -> None:
        match kind := content.get("kind"):
            case "prompt":
                prompt = read(_Prompt, kind, content)
                self._run_prompt(prompt.text, prompt.answer)
                _send_all(send, request, {}, {})
            case "again":
                again = read(_Again, kind, content)
                one_of(self._sessions, again.series)
                self._score_again(again.series, again.score)
                _send_all(send, request, {}, {})
            case "rows":
                _send_all(send, request, *self._curves.rows(read(Rows, kind, content)))
            case "save":
                _send_all(send, request, self._saving.take(read(Save, kind, content)), {})
            case "ping":
                _send_all(send, request, {"waiting": list(self._pending)}, {})
            case "cancel":
                if (pending := self._pending.get(request)) is not None:
                    self._stop(pending)
            case str() if kind in ANALYSES:
                self._ask(request, kind, content, send)
            case _:
                raise SelectionError(
                    f"There is no request of kind {kind!r}.",
                    f"Kinds: {', '.join([*_KINDS, *ANALYSES])}.",
                )

    def _ask(self, request: str, kind: str, content: Mapping[str, Any], send: Send) -> None:
        asked = read(_Asked, kind, content)
        session = one_of(self._sessions, asked.series)
        analysis = read(ANALYSES[kind], kind, content)
        prompt, generation = None, None
        if analysis.of != "text":
            generation = read(_OfPrompt, kind, content).generation
            prompt = self._prompt(asked.series, generation)
        session.check_checkpoints(asked.checkpoints)
        analysis.check(session, prompt)
        subject = Subject.of(session, analysis, prompt)
        known = subject.known_at(asked.checkpoints)
        missing = [i for i in dict.fromkeys(asked.checkpoints) if i not in known]
        if missing and session.without_model is None and not asked.anyway:
            budget.check(analysis, session.with_model(), prompt, len(missing))
        if (same := self._pending.get(request)) is not None:  # it came twice
            self._stop(same)
        pending = Pending(request, subject, list(missing), send, generation, self._stop)
        self._pending[request] = pending
        if known:
            pending.reply(known)
        if self._pending.get(request) is not pending:
            return
        if self._answering is None or session.without_model is not None:
            for checkpoint in missing:
                pending.fail(checkpoint, session.lacks(subject.question, checkpoint))
            return
        waits = analysis.after_scores and not asked.anyway
        here = Urgency.BESIDE if asked.beside else Urgency.ASKED
        first = Urgency.REST if waits else here
        self._answering.ask(subject, missing, pending, first)

    def _stop(self, pending: Pending) -> None:
        self._pending.pop(pending.id, None)
        if self._answering is not None:
            self._answering.stop(pending)

    def _prompt(self, series: int, generation: int) -> Prompt:
        prompt = self._prompts[series]
        if generation != self._generation or not isinstance(prompt, Prompt):
            raise InductionError("The prompt has changed since this was asked for.")
        return prompt


def _answering(work: Work, sessions: Sequence[Known]) -> Answering | None:
    """None where there is no model to ask: it would bring PyTorch."""
    if all(isinstance(one, StoreSession) for one in sessions):
        return None
    from induction_explorer.channel.answering import Answering

    return Answering(work)


def _send_all(
    send: Send, request: str, body: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> None:
    for message, buffers in reply_messages(request, body, arrays, done=True):
        send(message, buffers)
