"""InductionExplorer: from its beginning to its end, and what it tells its pages.

What its reader arranges is arrangement.py's, computing series/'s, threads and requests channel/'s.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import traitlets
from induction_kernels.errors import InductionError
from ipywidgets import widget_serialization

from induction_explorer import bundle, lifetime
from induction_explorer.arrangement import Arrangement
from induction_explorer.beginning import beginning
from induction_explorer.channel.comms import handle_where_addressed
from induction_explorer.channel.requests import Requests
from induction_explorer.channel.wire import check_size
from induction_explorer.channel.work import Status, Work, without_frames
from induction_explorer.channel.worker import SHARED, Task, Urgency
from induction_explorer.lifetime import weakly
from induction_explorer.series.curves import Curves, Kind
from induction_explorer.series.derived import Findings
from induction_explorer.series.known import Known
from induction_explorer.series.prompt import Prompt, refused
from induction_explorer.series.several import infos, open_all, submit
from induction_explorer.series.stored import StoreSession
from induction_explorer.view import PARTS, split

if TYPE_CHECKING:
    from pathlib import Path

    import xarray
    from induction_kernels.inputs.texts import Texts

_PUBLIC = {*PARTS, "view"}


class InductionExplorer(Arrangement):
    """Watch induction heads form: head grid, attention patterns, curves and predictions of a model.

    Args:
        model: a model, a CheckpointSeries, or a list of either to compare. A model that came from
            a series brings the whole series; any other gets a slider with a single stop.
        tokenizer: for a Hugging Face model.
        texts: what losses are measured on: strings, a column of a dataset, or token ids [row, pos];
            by default held-out text of the bundled series.
        play: whether its page plays through training once as soon as all of it is there; not for
            a reader who touches it first, or who prefers less motion.
        **traits: `checkpoint`, `score`, `heads`, `prompt`, `answer`, `series`, `compare` to start
            with, or a `view` saved before.

    Attributes:
        checkpoint: index of the checkpoint shown.
        compare: index of a second checkpoint, or None.
        score: name of the score shown; see `induction_kernels.SCORES`.
        heads: selected heads, [[layer, head], ...]; until someone chooses, the best previous-token
            and the best induction head of the checkpoint that was shown first.
        prompt: the text whose patterns and predictions are shown.
        answer: the continuation whose rank is shown, as it stands (" C"); "" for none.
        series: index of the series shown.
        view: all of these, and everything else that the reader arranged (tab, axes, windows, chosen
            tokens), as one dict: `explorer.view = saved` restores it.

    Raises:
        UnsupportedModelError: (a TypeError) a model whose attention cannot be read.
        traitlets.TraitError: a trait set to a value that is not allowed; says what is.

    The model given is never changed: series are scrubbed on a model of the explorer's own.

    An explorer closes itself once no cell shows it and no variable holds it, as when its cell ran
    again.

    A function that observes a trait is called on the thread that changes it: a cell's, a message's,
    or the worker's that brings results.

    `scores()` and `measures()` hand out what has been computed so far, NaN elsewhere, as datasets
    whose `.to_dataframe()` is a table; `to_circuitsvis()` hands over the selected heads.
    """

    _esm = bundle.loader()
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
    _play = traitlets.Bool().tag(sync=True, echo_update=False)
    _module: Any = traitlets.Instance(bundle.Module).tag(sync=True, **widget_serialization)
    _frame: Any = None

    @traitlets.default("_module")
    def _find_module(self) -> bundle.Module:
        return bundle.module()

    def __init__(
        self,
        model: Any | Sequence[Any],
        *,
        tokenizer: Any | None = None,
        texts: Texts | None = None,
        play: bool = False,
        **traits: Any,
    ) -> None:
        self._work = Work(weakly(self._show_progress))
        try:
            self._begin(model, tokenizer, texts, play, traits)
        except BaseException:  # also of a reader who stops the cell
            self.close()
            raise

    def _begin(
        self,
        model: Any,
        tokenizer: Any,
        texts: Texts | None,
        play: bool,
        traits: Mapping[str, Any],
    ) -> None:
        """Check everything that was given, then show it, then work."""
        unknown = sorted(set(traits) - _PUBLIC)
        if unknown:
            raise TypeError(
                f"InductionExplorer has no argument {unknown[0]!r}. It takes a model, tokenizer, "
                f"texts, play, {', '.join(sorted(_PUBLIC))}."
            )
        in_view, arranged = split(traits.get("view", {}))
        chosen = {name: traits[name] for name in PARTS if name in traits} | in_view
        found = open_all(model, tokenizer, texts)
        self._sessions = [session for session, _ in found]
        self._read: list[Prompt | InductionError] = []
        self._ran: tuple[str, str] | None = None
        self._generation = 0
        self._first: Task | None = None
        self._reply = weakly(self.send)
        self._findings = Findings(self._sessions)
        self._refusal: traitlets.TraitError | None = None

        for session in self._sessions:
            session.forget_faults()
        start = beginning(found, chosen)
        taken = len(json.dumps(start, default=str))
        self._curves = Curves(self._sessions, self._findings, start["score"], taken)
        self._requests = Requests(
            self._work, self._sessions, self._curves, weakly(self._run_prompt)
        )
        start |= self._curves.scores() | self._curves.measures()
        with SHARED:  # no result before everything is there
            super().__init__(**start, _view=arranged, _play=play)
            self._heads_chosen = "heads" in chosen
            self._restoring = False
            self.view = self._current_view()
            self._choose_heads()
            for session in self._sessions:
                session.watchers.add(self)
            if self._ran is None:  # a store has no prompt to begin with
                self._start_prompt(None)
            self._score_alone()
            self._sweep()
            self._show_progress()
            for session in self._sessions:
                session.follow()
        lifetime.begin(self, self._work)

    @classmethod
    def from_store(cls, place: str | Path, *, play: bool = False, **traits: Any) -> Self:
        """What a sweep kept, finished or growing, without its model and without PyTorch.

        Scores, measures and their curves are there; what was not kept, such as the patterns of a
        prompt, says that it needs a model. A store that grows is followed.

        Args:
            place: as in `sweep(series, store=place)`.

        Raises:
            StoreError: there is no store, or it cannot be read.
            traitlets.TraitError: a trait set to a value that is not allowed; says what is.
        """
        return cls(StoreSession(place), play=play, **traits)

    def __setattr__(self, name: str, value: Any) -> None:
        """Whoever changes an explorer holds the lock, on whichever thread."""
        with SHARED:
            super().__setattr__(name, value)

    def wait(self, timeout: float = 600) -> None:
        """Block until scores, patterns and predictions of all checkpoints are there.

        For scripts and for notebooks that are run without a reader; on a screen, results appear
        as they come.

        Raises:
            TimeoutError: it took longer than `timeout` seconds; what is there stays.
        """
        if not self._work.wait(timeout):
            raise TimeoutError(
                f"{self._work.pending} tasks are not finished after {timeout:g} s; call wait() "
                "again, or with a longer timeout."
            )

    def open(self) -> None:
        """Meet the page."""
        self._frame = self.layout
        super().open()
        handle_where_addressed(self.comm)
        self.comm.on_msg(weakly(self._handle_msg))

    def close(self) -> None:
        """Stop what is being computed and leave the page."""
        self._work.cancel()
        for session in getattr(self, "_sessions", ()):
            session.watchers.discard(self)
        lifetime.end(self)
        super().close()
        if self._frame is not None:
            self._frame.close()
            self._frame = None

    def __del__(self, is_ending: Callable[[], bool] = sys.is_finalizing) -> None:
        """Close, but for the end of the process: what closing needs may be gone by then."""
        if not is_ending():
            super().__del__()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        lifetime.show(self)
        return super()._repr_mimebundle_(**kwargs)

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        if content.get("kind") != "state":
            self._requests.receive(content, self._reply)
        super()._handle_custom_msg(content, buffers)

    # --- what pages write ---

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """What JavaScript writes goes through the same checks; a refusal is shown, not logged.

        Every page that shows this explorer is told what it is now. The one that wrote it has moved
        on, maybe: it takes this for the echo of its own message, and heeds only the last.
        """
        with SHARED:
            self._set_by_page = frozenset(sync_data)
            self._refusal = None
            try:
                super().set_state(sync_data)
            except traitlets.TraitError as error:
                self._refusal = without_frames(error)
            finally:
                self._set_by_page = frozenset()
            written = self.trait_names(echo_update=False)
            now = {name: getattr(self, name) for name in sync_data if name in written}
            self._send({"method": "echo_update", "state": now, "buffer_paths": []})
            self._show_progress()

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
        if self._ran == (self.prompt, self.answer):
            return
        self._read = self._read_prompt(self.prompt, self.answer)
        self._ran = (self.prompt, self.answer)
        self._generation += 1
        self._requests.follow(self._read, self._generation, self._order)
        self._prompts = [
            one.info(self._generation)
            if isinstance(one, Prompt)
            else refused(one, self._generation)
            for one in self._read
        ]
        self._show_progress()

    def _run_again(self) -> None:
        self._ran = None
        self._start_prompt(None)

    # --- the scores ---

    @traitlets.observe("score", "checkpoint", "series")
    def _follow_score(self, _change: Any) -> None:
        if not self._restoring:
            self._score_alone()

    def _score_alone(self) -> None:
        """What the reader looks at comes first: the chosen score, where the slider is."""
        session, here = self._session, self.checkpoint
        if self._first is not None:
            self._work.drop(self._first)
        if self.score in session.grids and not session.is_scored(here):
            steps = session.score_alone(here, self.score)
            self._first = self._work.submit_steps(
                Urgency.ASKED, steps, weakly(self._show_first), label="Computing the chosen score"
            )

    def _show_first(self) -> None:
        self._first = None
        self._curves.first = self.score
        self._set(self._curves.scores())

    @traitlets.observe("heads")
    def _note_choice(self, _change: Any) -> None:
        self._heads_chosen = True

    def _choose_heads(self) -> None:
        """Begin with the two heads of the circuit, as soon as their scores are there."""
        if not self._heads_chosen and self._session.is_scored(self.checkpoint):
            self.heads = self._session.best_heads(self.checkpoint, "previous_token", "induction")

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
        left = [i for i in checkpoints if not session.is_scored(i)]
        submit(self._work, Urgency.SWEEP, session.score, left, weakly(self._show_scores))
        if session.measured.unasked:
            left = [i for i in checkpoints if not session.measured.knows(i)]
            submit(self._work, Urgency.MEASURE, session.measure, left, weakly(self._show_measures))

    def _find(self) -> None:
        """Look for what the curves have in them, when all else is done."""
        self._work.submit(
            Urgency.MEASURE, self._findings.find, weakly(self._show_findings), "Reading the curves"
        )

    def _order(self, session: Known) -> list[int]:
        """Checkpoints, the ones around the reader's first."""
        here = self.checkpoint if session is self._session else len(session.series) - 1
        return sorted(range(len(session.series)), key=lambda i: abs(i - here))

    def _show_scores(self) -> None:
        self._choose_heads()
        if self._work.count(Urgency.SWEEP):
            self._tell("grids")
        else:
            self._curves.first = self.score
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

    def scores(self) -> xarray.Dataset:
        """Every score of the series shown, computed so far; as `induction_kernels.sweep` has it."""
        return self._session.scores()

    def measures(self) -> xarray.Dataset:
        """Every measure of the series shown, computed so far."""
        return self._session.measures()

    def to_circuitsvis(self) -> Any:
        """The selected heads' attention on the prompt at this checkpoint, drawn by CircuitsVis.

        When it is displayed, CircuitsVis looks whether it is online and then loads its script from
        a CDN, otherwise from its own package.

        Raises:
            InductionError: no head is selected, the prompt cannot be run, or CircuitsVis is not
                installed.
        """
        session = self._session.with_model()
        from induction_explorer.export.circuitsvis import to_circuitsvis

        prompt = self._read[self.series]
        if isinstance(prompt, InductionError):
            raise prompt
        heads = [(layer, head) for layer, head in self.heads]
        return to_circuitsvis(session, prompt, self.checkpoint, heads)

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

    def _send(self, msg: Any, buffers: Any = None) -> None:
        check_size(msg, buffers)
        super()._send(msg, buffers)
