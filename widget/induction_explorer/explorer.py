"""InductionExplorer: from its beginning to its end, and what it tells its pages.

What its reader arranges is arrangement.py's, what is computed of it and when computing.py's, what
it hands over leaving.py's; the series are series/'s, threads and requests channel/'s.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import traitlets
from ipywidgets import widget_serialization

from induction_explorer import anywidget_loader, bundle, lifetime
from induction_explorer.beginning import beginning
from induction_explorer.channel.comms import handle_where_addressed
from induction_explorer.channel.requests import Requests
from induction_explorer.channel.wire import check_size
from induction_explorer.channel.work import Work, without_frames
from induction_explorer.channel.worker import SHARED
from induction_explorer.export.picture.output import PictureOutput
from induction_explorer.leaving import Leaving
from induction_explorer.lifetime import weakly
from induction_explorer.series.curves import Curves
from induction_explorer.series.derived import Findings
from induction_explorer.series.several import open_all
from induction_explorer.series.stored import StoreSession
from induction_explorer.view import PARTS, split

if TYPE_CHECKING:
    from induction_kernels.inputs.texts import Texts
    from induction_kernels.scores.own.given import Scores

_PUBLIC = {*PARTS, "view"}


class InductionExplorer(Leaving):
    """Watch induction heads form: head grid, attention patterns, curves and predictions of a model.

    Args:
        model: a model, a CheckpointSeries, or a list of either to compare. A model that came from
            a series brings the whole series; any other gets a slider with a single stop.
        tokenizer: for a Hugging Face model.
        texts: what losses are measured on: strings, a column of a dataset, or token ids [row, pos];
            by default held-out text of the bundled series.
        scores: which are shown, and your own beside ours: names of `induction_kernels.SCORES`,
            arrays and datasets with dims (checkpoint, layer, head) or (layer, head), functions
            (model, probe) -> [layer, head], `attention_score(...)`; one, a list, or a dict by name.
            Without any name all of ours are there. docs/own-score.md has more.
        play: whether its page plays through training once as soon as all of it is there; not for
            a reader who touches it first, or who prefers less motion.
        **traits: `checkpoint`, `score`, `heads`, `prompt`, `answer`, `prompts`, `series`, `compare`
            to start with, or a `view` saved before.

    Attributes:
        checkpoint: index of the checkpoint shown.
        compare: index of a second checkpoint, or None.
        score: name of the score shown; see `induction_kernels.SCORES`.
        heads: selected heads, [[layer, head], ...]; until someone chooses, the best previous-token
            and the best induction head of the checkpoint that was shown first.
        prompt: the text whose patterns and predictions are shown.
        prompts: several to flip through, one of them shown: texts, pairs (text, answer), or
            {"text": ..., "answer": ...}; [] for none. `prompt` set to one of their texts shows that
            one with its answer; any other text edits the one that is shown.
        answer: the continuation whose rank is shown, as it stands (" C"); "" for none.
        series: index of the series shown.
        view: all of these, and everything else that the reader arranged (tab, axes, windows, chosen
            tokens), as one dict: `explorer.view = saved` restores it.

    Raises:
        UnsupportedModelError: (a TypeError) a model whose attention cannot be read.
        SelectionError: scores that do not exist, or your own that are not of this series.
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
    _play = traitlets.Bool().tag(sync=True, echo_update=False)
    _module: Any = traitlets.Instance(bundle.Module).tag(sync=True, **widget_serialization)
    #: The class of its picture, which its page hides.
    _picture = traitlets.Unicode().tag(sync=True)
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
        scores: Scores = None,
        play: bool = False,
        **traits: Any,
    ) -> None:
        self._work = Work(weakly(self._show_progress))
        try:
            self._begin(model, tokenizer, (texts, scores), play, traits)
        except BaseException:  # also of a reader who stops the cell
            self.close()
            raise

    def _begin(
        self,
        model: Any,
        tokenizer: Any,
        measured: tuple[Texts | None, Scores],
        play: bool,
        traits: Mapping[str, Any],
    ) -> None:
        """Check everything that was given, then show it, then work."""
        unknown = sorted(set(traits) - _PUBLIC)
        if unknown:
            raise TypeError(
                f"InductionExplorer has no argument {unknown[0]!r}. It takes a model, tokenizer, "
                f"texts, scores, play, {', '.join(sorted(_PUBLIC))}."
            )
        both = [name for name in ("prompt", "answer") if name in traits]
        if traits.get("prompts") and both:
            raise TypeError(
                f"InductionExplorer was given {both[0]}= and prompts=. Give one prompt with its "
                "answer, or several as prompts=[(text, answer), ...], the one to begin with first."
            )
        anywidget_loader.hand_over()  # a page needs it before the widget
        in_view, arranged = split(traits.get("view", {}))
        chosen = {name: traits[name] for name in PARTS if name in traits} | in_view
        found = open_all(model, tokenizer, *measured)
        self._sessions = [session for session, _ in found]
        self._read = []
        self._generations = {}
        self._reply = weakly(self.send)
        self._findings = Findings(self._sessions)

        for session in self._sessions:
            session.forget_faults()
        start = beginning(found, chosen)
        taken = len(json.dumps(start, default=str))
        self._curves = Curves(self._sessions, self._findings, start["score"], taken)
        self._requests = Requests(
            self._work,
            self._sessions,
            self._curves,
            weakly(self._run_prompt),
            weakly(self._score_again),
        )
        start |= self._curves.scores() | self._curves.measures()
        with SHARED:  # no result before everything is there
            name = f"ie-picture-{uuid4().hex}"
            self._picture_output = PictureOutput(name)
            super().__init__(**start, _view=arranged, _play=play, _picture=name)
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

    def notify_change(self, change: Any) -> None:
        """Where notifications were held, these come after the lock was let go."""
        with SHARED:
            super().notify_change(change)

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

    def __repr__(self) -> str:
        """What stands in a notebook whose widgets are not drawn, as after it was closed."""
        names = ", ".join(session.name for session in getattr(self, "_sessions", ()))
        return f"Run this cell again to see the explorer of {names}."

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        lifetime.show(self)
        return super()._repr_mimebundle_(**kwargs)

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        if content.get("kind") == "module":
            self.send({"id": "module", **bundle.contents()})
        elif content.get("kind") != "state":
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

    def _send(self, msg: Any, buffers: Any = None) -> None:
        check_size(msg, buffers)
        super()._send(msg, buffers)
