"""One series as an explorer works on it: a model of its own, its scores, and what was asked."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from induction_kernels.attention.door import as_model
from induction_kernels.checkpoints import CheckpointSeries, series_of
from induction_kernels.checkpoints.findings import Finding
from induction_kernels.errors import InductionError
from induction_kernels.inputs.texts import TextProbe, Texts
from induction_kernels.inputs.tokenization import token_strings
from induction_kernels.models.model import Model
from induction_kernels.names import legible
from induction_kernels.scores.registry import SCORES, Scorer, choose_scores
from induction_kernels.scores.score import Score
from torch import Tensor

from induction_explorer.channel.worker import SHARED, soon
from induction_explorer.prompts import default_prompt
from induction_explorer.series import budget
from induction_explorer.series.datasets import measures_of, scores_of
from induction_explorer.series.known import Known
from induction_explorer.series.measured import Measured, spread
from induction_explorer.series.prompt import Prompt

if TYPE_CHECKING:
    import xarray

_log = logging.getLogger(__name__)

#: Seconds: what takes less was in the model already, or is too small to speak of.
_LOADED = 0.05


class SeriesSession(Known):
    """A series with a resident model that nobody else holds, and the scores read off it so far.

    The model is touched by the worker's thread only; `grids` are filled there, one checkpoint at a
    time, and may be read while that goes on, as may `faults`, a new dict with each of them.
    """

    def __init__(self, series: CheckpointSeries, texts: Texts | None = None) -> None:
        super().__init__()
        self.series: CheckpointSeries = series
        series.tell_findings(self)
        model = self._first_model()
        self.name = legible(series.name)
        self.tokenizer_model = model
        self.layers, self.heads, self.context = model.n_layers, model.n_heads, model.n_ctx
        self.attending = list(model.attending)
        self.parameters = sum(p.numel() for p in model.module.parameters())
        scores, left_out = choose_scores(None, model)
        self.scorer = Scorer(model, scores)
        self._alone: dict[str, Scorer] = {}
        #: Of a run that goes on: what could not be used, and the fingerprint of its files then.
        self._broken: dict[str, int] = {}
        self.left_out = {SCORES[name].title: reason for name, reason in left_out.items()}
        #: Work a second (`budget`), as it was last timed; None before that.
        self.pace: float | None = None
        #: Seconds that a checkpoint took to load, the last time that one had to be.
        self.loading = 0.0
        self.given_text = None if texts is None else TextProbe.of(model, texts)
        self.measured: Measured = Measured(series, model, self.given_text, budget.reading(self))
        self.light = budget.is_light(self)
        shape = (len(series), self.layers, self.heads)
        self.grids = {s.name: np.full(shape, np.nan, np.float32) for s in self.scorer.scores}

    def with_model(self) -> SeriesSession:
        return self

    def default_prompt(self) -> tuple[str, str]:
        return default_prompt(self.tokenizer_model)

    def read_prompt(self, text: str, answer: str) -> Prompt:
        return Prompt.read(self, text, answer)

    def token_strings(self, ids: Sequence[int]) -> list[str]:
        return token_strings(self.tokenizer_model, list(ids))

    def score_infos(self) -> list[dict[str, Any]]:
        return [self.describe(score) for score in self.scorer.scores]

    def why_not(self, score: str) -> str | None:
        return self.left_out[SCORES[score].title] if score in SCORES else None

    def scores(self) -> xarray.Dataset:
        return scores_of(self)

    def measures(self) -> xarray.Dataset:
        return measures_of(self)

    def load(self, checkpoint: int, then: int | None = None) -> Model:
        """The model with a checkpoint's weights; `then` is wanted next."""
        began = time.monotonic()
        model = self.series.model(checkpoint, then=then)
        seconds = time.monotonic() - began
        if seconds >= _LOADED:
            self.loading = seconds
        return model

    def time(self, work: float, seconds: float) -> None:
        """Some work (`budget`) took so long; of little work most is something else, such as reading
        the weights for the first time."""
        if work >= budget.PASS and seconds > 0:
            self.pace = work / seconds

    def measure(self, checkpoint: int, then: int | None = None) -> Generator[None, None, None]:
        """Fill one row of every measure, pass by pass; a checkpoint that fails stays NaN, its fault
        says why. `then` is wanted next."""
        if self.measured.knows(checkpoint) or checkpoint in self.faults:
            return
        try:
            self.load(checkpoint, then)
            for _ in self.measured.steps(checkpoint):
                yield
                self.series.model(checkpoint)  # others may have been here since
        except Exception as error:  # noqa: BLE001 - the reader is told; the others go on
            self.measured.fail(checkpoint, _say(error))

    @property
    def findings(self) -> list[Finding]:
        return self.series.findings

    @property
    def unchecked(self) -> bool:
        return self.series.is_remote and not self.series.is_checked

    def check(self) -> Generator[None, None, None]:
        yield from self.series.check_by_steps()

    def see_findings(self) -> None:
        """The series was checked, here or in a cell."""
        with SHARED:
            for watcher in list(self.watchers):
                watcher.see_findings()

    def forget_faults(self) -> None:
        """What failed may be tried anew: maybe a disk was full, or the GPU."""
        self._scored -= self.faults.keys()
        self.measured.forget_faults(set(self.faults))
        self.faults = {}

    # --- what comes ---

    @property
    def grows(self) -> bool:
        return self.series.grows

    def look(self) -> None:
        try:
            more = self.series.has_more()
        except InductionError:  # gone for a moment, maybe: what is shown stays
            return
        if more:
            soon(self._grow)
        elif any(self._is_mended(label) for label in list(self._broken)):
            soon(self._try_again)

    def _is_mended(self, label: str) -> bool:
        """Whether the files of a checkpoint that could not be used have become others: they were
        still being written, or copied."""
        index = self.series.labels.index(label)
        return self.series.fingerprint(index) != self._broken[label]

    def _try_again(self) -> None:
        """On the worker's thread, as below."""
        with SHARED:
            mended = [label for label in self._broken if self._is_mended(label)]
            again = [self.series.labels.index(label) for label in mended]
            for label in mended:
                del self._broken[label]
            self._scored -= set(again)
            self.faults = {i: why for i, why in self.faults.items() if i not in again}
            for watcher in list(self.watchers):
                watcher.see_mended(self, again)

    def _grow(self) -> None:
        """On the worker's thread: no step is under way, and what is known of a checkpoint goes
        with it where its number changes."""
        with SHARED:
            before = self.series.labels
            if not self.series.refresh(look=False):
                return
            now = {label: index for index, label in enumerate(self.series.labels)}
            moved = [now[label] for label in before]
            self.grids = {name: spread(grid, moved, len(now)) for name, grid in self.grids.items()}
            self._scored = {moved[index] for index in self._scored}
            self.faults = {moved[index]: why for index, why in self.faults.items()}
            self.measured.grow(moved)
            self.results.renumber(moved)
            self.light = budget.is_light(self)
            for watcher in list(self.watchers):
                watcher.see_growth(self, moved)

    def provenance(self) -> dict[str, Any]:
        measured = self.measured.provenance()
        return self.tokenizer_model.provenance() | measured | {"series": self.name}

    def _first_model(self) -> Model:
        """The last checkpoint that loads: the one a reader most likely wants to see first."""
        for index in reversed(range(len(self.series))):
            try:
                return self.series.model(index)
            except InductionError as error:
                self.faults[index] = str(error)
        raise InductionError(
            f"No checkpoint of {self.series.name} could be loaded.",
            next(iter(self.faults.values())),
        )

    def score_alone(self, checkpoint: int, name: str) -> Generator[None, None, None]:
        """Fill the row of this score's grid, in a fraction of the time that all take. What goes
        wrong is said by them."""
        yield from ()
        if self.is_scored(checkpoint) or np.isfinite(self.grids[name][checkpoint]).any():
            return
        try:
            model = self.load(checkpoint)
            if name not in self._alone:
                self._alone[name] = Scorer(model, [SCORES[name]])
            self.grids[name][checkpoint] = self._alone[name](model)[name].numpy()
        except Exception:  # noqa: BLE001 - the sweep meets it as well
            _log.debug("%s could not be scored alone.", name, exc_info=True)

    def score(self, checkpoint: int, then: int | None = None) -> Generator[None, None, None]:
        """Fill one row of every grid, part by part, or the checkpoint's fault; `then` is wanted
        next."""
        if self.is_scored(checkpoint):
            return
        before = self.series.fingerprint(checkpoint) if self.grows else 0
        try:
            model = self.load(checkpoint, then)
            values: dict[str, Tensor] = {}
            for values in self.scorer.by_steps(model):  # noqa: B007 - the last has them all
                yield
                self.series.model(checkpoint)  # others may have been here since
            for name, grid in self.grids.items():
                grid[checkpoint] = values[name].numpy()
            self.faults = {i: why for i, why in self.faults.items() if i != checkpoint}
        except Exception as error:  # noqa: BLE001 - the reader is told; the others go on
            self.faults = self.faults | {checkpoint: _say(error)}
            if self.grows:
                self._broken[self.series[checkpoint].label] = before
        self._scored.add(checkpoint)

    def describe(self, score: Score) -> dict[str, Any]:
        """`ScoreInfo` of js/src/kernel/model.ts."""
        facts = self.scorer.facts(score)
        return {
            "name": score.name,
            "title": score.title,
            "group": score.group,
            "formula": score.formula,
            "meaning": score.meaning,
            "range": list(facts.range),
            "colours": score.colours,
            "chance": facts.chance,
            "probe": facts.probe,
            "source": score.source,
        }


def _say(error: Exception) -> str:
    return str(error) if isinstance(error, InductionError) else f"{type(error).__name__}: {error}"


# Weak: a session lives as long as an explorer uses it.
_sessions: weakref.WeakValueDictionary[tuple[Any, ...], SeriesSession] = (
    weakref.WeakValueDictionary()
)


def session_of(series: CheckpointSeries, texts: Texts | None = None) -> SeriesSession:
    """The session of a series, shared by all explorers on it: a cell run again costs nothing.

    A single model is its caller's to change between two cells; its series is new each time, so it
    never shows old scores.
    """
    if texts is not None:  # read anew each time: they may be as large as one likes
        return SeriesSession(series.replica(private=True), texts)
    session = _sessions.get(series.identity)
    if session is None:
        session = SeriesSession(series.replica(private=True))
        _sessions[series.identity] = session
    return session


def open_session(
    model: Any, tokenizer: Any | None, texts: Texts | None = None
) -> tuple[SeriesSession, int]:
    """The session that shows `model`, and the checkpoint to start at.

    Raises:
        ProbeError: texts that the model cannot read.
    """
    if isinstance(model, CheckpointSeries):
        session = session_of(model, texts)
        return session, len(session.series) - 1
    known = series_of(model)
    if known is not None:
        session = session_of(known[0], texts)
        return session, session.series.find(known[0][known[1]])
    return session_of(CheckpointSeries.single(as_model(model, tokenizer)), texts), 0
