"""What is computed of an explorer's series, in which order, and what its pages are told of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import traitlets
from induction_kernels.errors import InductionError

from induction_explorer import several_prompts
from induction_explorer.arrangement import Arrangement
from induction_explorer.channel.requests import Requests
from induction_explorer.channel.work import Status, Work
from induction_explorer.channel.worker import Task, Urgency
from induction_explorer.lifetime import weakly
from induction_explorer.series.curves import Curves, Kind
from induction_explorer.series.derived import Findings
from induction_explorer.series.known import Known
from induction_explorer.series.prompt import Prompt, refused
from induction_explorer.series.several import infos, read_each, submit, told_between
from induction_explorer.series.stored import StoreSession

#: What is done to a single checkpoint, in words.
_OF_ONE = ("Scoring heads", "Measuring losses")


class Computing(Arrangement):
    """The traits that Python alone sets, and the work that they come from.

    Attributes:
        computed: those that a page asks for by themselves.
    """

    computed = (
        "_series", "_scores", "_grids", "_measure_infos", "_measures", "_told", "_measured_on",
        "_phases", "_components_of", "_prompts",
    )  # fmt: skip

    _series: Any = traitlets.List().tag(sync=True)
    _scores: Any = traitlets.List().tag(sync=True)
    _grids = traitlets.Dict().tag(sync=True)
    _measure_infos: Any = traitlets.List().tag(sync=True)
    _measures = traitlets.Dict().tag(sync=True)
    _told = traitlets.Int().tag(sync=True)
    _measured_on: Any = traitlets.List().tag(sync=True)
    _phases: Any = traitlets.List().tag(sync=True)
    _components_of = traitlets.Unicode().tag(sync=True)
    _prompts: Any = traitlets.List().tag(sync=True)
    _status = traitlets.Dict().tag(sync=True)

    _work: Work
    _curves: Curves
    _findings: Findings
    _requests: Requests
    #: Each series' reading of the prompt, and of which prompt and answer that is.
    _read: list[Prompt | InductionError]
    _ran: tuple[str, str] | None = None
    #: Numbers of the prompts and answers that were run: one that is shown again has its own.
    _generations: dict[tuple[str, str], int]
    _generation = 0
    #: The chosen score where the slider is, while it is computed.
    _first: Task | None = None
    #: What a page's last message was refused for.
    _refusal: traitlets.TraitError | None = None

    # --- the prompt ---

    def _run_prompt(self, prompt: str, answer: str) -> None:
        """A prompt that JavaScript asks for.

        Raises:
            InductionError: the current series cannot read it; everything stays as it was.
        """
        self._read_prompt(prompt, answer)
        with self.hold_sync(), self.hold_trait_notifications():
            self.prompt, self.answer = prompt, answer

    @traitlets.observe("prompt", "answer")
    def _start_prompt(self, _change: Any) -> None:
        """Run what is to be read now, once where both were changed together."""
        if self._ran == (self.prompt, self.answer) or self._settles_among_prompts():
            return
        self._read = self._read_prompt(self.prompt, self.answer)
        self._ran = (self.prompt, self.answer)
        if self._ran not in self._generations:
            self._generation += 1
            self._generations[self._ran] = self._generation
        number = self._generations[self._ran]
        self._requests.follow(self._read, number, self._order, self._read_beside())
        self._prompts = [
            one.info(number) if isinstance(one, Prompt) else refused(one, number)
            for one in self._read
        ]
        self._show_progress()

    def _settles_among_prompts(self) -> bool:
        """Whether another answer than the one set belongs to the prompt, which is shown now."""
        before, now = [*(self._ran or ("", ""))], [self.prompt, self.answer]
        prompts, shown = several_prompts.followed(self.prompts, before, now)
        if prompts != self.prompts:
            self.prompts = prompts
        self.answer = shown[1]
        return shown != now

    @traitlets.observe("prompts")
    def _show_one_of_prompts(self, _change: Any) -> None:
        """What is shown is one of them."""
        shown = several_prompts.shown_first(self.prompts, self.prompt, self.answer)
        if shown is not None and shown != [self.prompt, self.answer]:
            with self.hold_sync(), self.hold_trait_notifications():
                self.prompt, self.answer = shown

    def _read_beside(self) -> list[list[Prompt | InductionError]]:
        """The prompts beside the one shown, as each series reads them."""
        pairs = several_prompts.beside(self.prompts, [self.prompt, self.answer])
        return [read_each(self._sessions, *one) for one in pairs]

    def _run_again(self) -> None:
        self._ran = None
        self._generations = {}
        self._start_prompt(None)

    # --- scores, measures and what curves have in them ---

    @traitlets.observe("score", "checkpoint", "series")
    def _follow_score(self, _change: Any) -> None:
        if not self._restoring:
            self._score_alone()

    def _score_alone(self) -> None:
        """What the reader looks at comes first: the chosen score, where the slider is."""
        session, here = self._session, self.checkpoint
        if self._first is not None:
            self._work.drop(self._first)
        if self.score in session.grids and not session.knows(here, self.score):
            steps = session.score_alone(here, self.score)
            self._first = self._work.submit_steps(
                Urgency.ASKED, steps, weakly(self._show_first), label="Computing the chosen score"
            )

    def _show_first(self) -> None:
        self._first = None
        self._curves.first = self.score
        self._scores = [one.score_infos() for one in self._sessions]
        self._set(self._curves.scores())

    @traitlets.observe("heads")
    def _note_choice(self, _change: Any) -> None:
        self._heads_chosen = True

    def _choose_heads(self) -> None:
        """Begin with the two heads of the circuit, as soon as their scores are there."""
        best = self._session.best_heads(self.checkpoint, "previous_token", "induction")
        if best and not self._heads_chosen:
            self.heads = best

    def _sweep(self) -> None:
        """See whether checkpoints are what their names say, score and measure each, then look for
        what the curves have in them."""
        sessions = sorted(self._sessions, key=lambda session: session is not self._session)
        for session in sessions:
            if session.unchecked:
                self._work.submit_steps(
                    Urgency.BESIDE, session.check(), label="Comparing hashes of files"
                )
        for session in sessions:
            self._compute(session, self._order(session))
        self._find()

    def _compute(self, session: Known, checkpoints: Iterable[int]) -> None:
        """Scores and measures of these, as far as they are not there."""
        checkpoints = list(checkpoints)
        scoring, measuring = ("", "") if len(session.series) > 1 else _OF_ONE
        left = [i for i in checkpoints if not session.is_scored(i)]
        part = partial(weakly(self._show_part), session)
        steps = partial(told_between, session.score, part)
        submit(self._work, Urgency.SWEEP, steps, left, weakly(self._show_scores), scoring)
        self._compute_own(session, checkpoints)
        if session.measured.unasked:
            left = [i for i in checkpoints if not session.measured.knows(i)]
            show = weakly(self._show_measures)
            submit(self._work, Urgency.MEASURE, session.measure, left, show, measuring)

    def _compute_own(self, session: Known, checkpoints: Iterable[int]) -> None:
        """The reader's own scores of these, after all of ours."""
        left = session.without_own(checkpoints)
        show = weakly(self._show_own)
        submit(self._work, Urgency.SWEEP, session.score_own, left, show, "Computing your scores")

    def _find(self) -> None:
        """Look for what the curves have in them, when all else is done."""
        self._work.submit(
            Urgency.MEASURE, self._findings.find, weakly(self._show_findings), "Reading the curves"
        )

    def _order(self, session: Known) -> list[int]:
        """Checkpoints, the ones around the reader's first."""
        here = self.checkpoint if session is self._session else len(session.series) - 1
        return sorted(range(len(session.series)), key=lambda i: abs(i - here))

    def _show_own(self) -> None:
        """And what there is to say of them, such as where a function failed."""
        self._scores = [one.score_infos() for one in self._sessions]
        self._show_scores()

    def _score_again(self, series: int, name: str) -> None:
        """Compute one of the reader's own scores where it failed, because a page asks for it."""
        session = self._sessions[series]
        again = session.retry_own(name)
        self._show_own()
        self._compute_own(session, again)

    def _show_scores(self) -> None:
        self._choose_heads()
        if self._work.count(Urgency.SWEEP):
            self._tell("grids")
        else:
            self._curves.first = self.score
            self._set(self._curves.scores())

    def _show_part(self, session: Known, checkpoint: int) -> None:
        """Of the checkpoint that the reader looks at, while the rest of its scores is computed."""
        if session is self._session and checkpoint == self.checkpoint:
            self._choose_heads()
            self._set(self._curves.scores())

    def _show_measures(self) -> None:
        if self._work.count(Urgency.MEASURE) and self._curves.are_all_in(self._measures):
            self._tell("measures")
            self._measured_on = self._curves.measured_on()
        else:
            self._set(self._curves.measures())

    def see_measures(self) -> None:
        """More is known of a session's measures, which someone asked for."""
        if not self._work.count(Urgency.MEASURE):
            self._find()
        self._show_measures()

    def see_findings(self) -> None:
        """Checkpoints were checked, here or in a cell."""
        self._series = infos(self._sessions)

    def see_growth(self, session: Known, moved: Sequence[int]) -> None:
        """A store, or the folder of a run, has more. The reader stays at the checkpoints that were
        looked at."""
        stays = list(moved) == list(range(len(moved)))
        with self.hold_sync():
            self._scores = [one.score_infos() for one in self._sessions]
            self._curves.renumber(session)
            self.bring_up_to_date()
            if session is self._session:
                at, beside = self.checkpoint, self.compare
                self.checkpoint = moved[at]
                self.compare = None if beside is None else moved[beside]
                if (brush := self._view.get("brush")) is not None:
                    self._view = self._view | {"brush": [moved[end] for end in brush]}
            self._choose_heads()
        if stays:
            came = range(len(moved), len(session.series))
            self._compute(session, came)
            if not self._requests.run_ahead(session, came):
                self._run_again()
        elif not isinstance(session, StoreSession):
            self._begin_anew()
        if not self._work.count(Urgency.MEASURE):
            self._find()

    def see_prompts(self, session: Known) -> None:
        """A store keeps more of prompts: maybe the first."""
        first, answer = session.default_prompt()
        if session is self._session and not self.prompt and first:
            self._run_prompt(first, answer)
        else:
            self._run_again()

    def see_mended(self, session: Known, checkpoints: Sequence[int]) -> None:
        """Files that were still being written are whole: score and run what they hold."""
        self.bring_up_to_date()
        self.send_state("_series")  # its faults were told row by row, maybe, and not by the trait
        self._compute(session, checkpoints)
        self._requests.run_ahead(session, checkpoints)

    def _begin_anew(self) -> None:
        """Checkpoints have other numbers than those that are being computed: what is known is kept,
        and the rest asked for again."""
        self._work.cancel()
        self._requests.forget()
        self._run_again()
        self._score_alone()
        self._sweep()

    def _tell(self, of: Kind) -> None:
        """Send the rows that are new."""
        for message, buffers in self._curves.news(of):
            self.send(message, buffers)

    def bring_up_to_date(self) -> None:
        """Set the traits that pages are told of row by row."""
        self._set(self._curves.scores() | self._curves.measures())

    def _show_findings(self) -> None:
        with self.hold_sync():
            self._phases = self._findings.phases
            self._components_of = self._findings.components_text
            self._show_measures()

    # --- what the reader is told ---

    def _show_progress(self) -> None:
        """How far the work is, and what went wrong, until the page's next message does better."""
        unscored = [s for s in self._sessions if len(s.faults) == len(s.series)]
        error: Exception | None = self._refusal or self._work.error
        if error is None and unscored and not self._work.pending:
            error = InductionError(
                f"No checkpoint of {unscored[0].name} could be scored.", unscored[0].faults[0]
            )
        status = self._work.status()
        self._status = status if error is None else Status.with_error(status, error)
