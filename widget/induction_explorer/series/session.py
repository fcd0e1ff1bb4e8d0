"""One series as an explorer works on it: a model of its own, its scores, and what was asked."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Generator, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from induction_kernels.attention.door import as_model
from induction_kernels.checkpoints import CheckpointSeries, series_of
from induction_kernels.checkpoints.checkpoint import Checkpoint
from induction_kernels.checkpoints.findings import Finding
from induction_kernels.errors import InductionError
from induction_kernels.inputs.texts import TextProbe, Texts
from induction_kernels.inputs.tokenization import text_of, token_strings
from induction_kernels.models.model import Model
from induction_kernels.names import legible
from induction_kernels.scores.of_attention import AttentionScore
from induction_kernels.scores.registry import SCORES, Scorer, choose_scores
from induction_kernels.scores.score import Score

from induction_explorer.channel.worker import SHARED, soon
from induction_explorer.prompts import default_prompt
from induction_explorer.series import budget
from induction_explorer.series.datasets import measures_of, scores_of
from induction_explorer.series.known import Known
from induction_explorer.series.measured import Measured, spread
from induction_explorer.series.own import Chosen, Own
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

    def __init__(
        self,
        series: CheckpointSeries,
        texts: Texts | None = None,
        chosen: Chosen | None = None,
        among: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.series: CheckpointSeries = series
        series.tell_findings(self)
        model = self._first_model()
        self.name = legible(series.name)
        self.tokenizer_model = model
        self.layers, self.heads, self.context = model.n_layers, model.n_heads, model.n_ctx
        self.attending = list(model.attending)
        self.key_heads = list(model.key_heads) if model.shares_keys else []
        self.parameters = sum(p.numel() for p in model.module.parameters())
        chosen = chosen or Chosen(None)
        scores, left_out = choose_scores(chosen.names, model)
        own, self._elsewhere = chosen.of(series.name, among)
        cells = [score for score in own if isinstance(score, AttentionScore)]
        self.scorer = Scorer(model, [*scores, *cells])
        self.own = Own(series, model, own)
        self._alone: dict[str, Scorer] = {}
        #: Of a run that goes on: what could not be used, and the fingerprint of its files then.
        self._broken: dict[str, int] = {}
        self._why_not = left_out | self._elsewhere
        titles = {name: SCORES[name].title for name in left_out}
        titles |= {score.name: score.title for score in chosen.own}
        self.left_out = {titles[name]: reason for name, reason in self._why_not.items()}
        #: Work a second (`budget`), as it was last timed; None before that.
        self.pace: float | None = None
        #: Seconds that a checkpoint took to load, the last time that one had to be.
        self.loading = 0.0
        self.given_text = None if texts is None else TextProbe.of(model, texts)
        self.measured: Measured = Measured(series, model, self.given_text, budget.reading(self))
        self.light = budget.is_light(self)
        shape = (len(series), self.layers, self.heads)
        self.grids = {s.name: np.full(shape, np.nan, np.float32) for s in self.every_score}

    def with_model(self) -> SeriesSession:
        return self

    @property
    def every_score(self) -> list[Score]:
        return [*self.scorer.scores, *self.own.scores]

    def scorer_of(self, score: Score) -> Scorer:
        """What knows its probe."""
        return self.own.scorer if score.name in self.own.names else self.scorer

    def default_prompt(self) -> tuple[str, str]:
        return default_prompt(self.tokenizer_model)

    def read_prompt(self, text: str, answer: str) -> Prompt:
        return Prompt.read(self, text, answer)

    def token_strings(self, ids: Sequence[int]) -> list[str]:
        return token_strings(self.tokenizer_model, list(ids))

    def row_as_prompt(self, ids: Sequence[int]) -> str:
        return text_of(self.tokenizer_model, ids)

    @property
    def text_origin(self) -> str:
        return self.text.origin

    @cached_property
    def text(self) -> TextProbe:
        """What heads are read on: the reader's, or the default.

        Raises:
            ProbeError: a model without tokenizer, and no text.
        """
        if self.given_text is not None:
            return self.given_text
        return TextProbe.default(self.tokenizer_model, budget.reading(self).rows)

    def score_infos(self) -> list[dict[str, Any]]:
        return [self.describe(score) for score in self.every_score]

    def why_not(self, score: str) -> str | None:
        return self._why_not.get(score)

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
            self.own.renumber(moved)
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
        if self.knows(checkpoint, name) or np.isfinite(self.grids[name][checkpoint]).any():
            return
        try:
            model = self.load(checkpoint)
            if name in self.own.names:
                for found in self.own.steps(model, checkpoint, name):
                    self._fill(checkpoint, found)
                return
            if name not in self._alone:
                (score,) = (one for one in self.scorer.scores if one.name == name)
                self._alone[name] = Scorer(model, [score])
            self.grids[name][checkpoint] = self._alone[name](model)[name].numpy()
        except Exception:  # noqa: BLE001 - the sweep meets it as well
            _log.debug("%s could not be scored alone.", name, exc_info=True)

    def score(self, checkpoint: int, then: int | None = None) -> Generator[None, None, None]:
        """Fill one row of every grid, of some with each part, or the checkpoint's fault; `then` is
        wanted next."""
        if self.is_scored(checkpoint):
            return
        before = self.series.fingerprint(checkpoint) if self.grows else 0
        try:
            model = self.load(checkpoint, then)
            for values in self.scorer.by_steps(model):
                self._fill(checkpoint, {name: one.numpy() for name, one in values.items()})
                yield
                self.series.model(checkpoint)  # others may have been here since
            self.faults = {i: why for i, why in self.faults.items() if i != checkpoint}
        except Exception as error:  # noqa: BLE001 - the reader is told; the others go on
            self.faults = self.faults | {checkpoint: _say(error)}
            self._fill(checkpoint, {score.name: np.nan for score in self.scorer.scores})
            if self.grows:
                self._broken[self.series[checkpoint].label] = before
        self._scored.add(checkpoint)

    def _fill(self, checkpoint: int, found: Mapping[str, np.ndarray | float]) -> None:
        for name, values in found.items():
            self.grids[name][checkpoint] = values

    def without_own(self, checkpoints: Iterable[int]) -> list[int]:
        return [i for i in checkpoints if not self.own.knows(i)]

    def score_own(self, checkpoint: int, then: int | None = None) -> Generator[None, None, None]:
        """Fill one row of the grids of the reader's own scores, one after the other; why one of
        them has no numbers is `own.faults`. `then` is wanted next."""
        if self.own.knows(checkpoint) or checkpoint in self.faults:
            return
        try:
            if not self.own.calls_functions:
                self._fill(checkpoint, self.own.given(checkpoint))
                return
            for found in self.own.steps(self.load(checkpoint, then), checkpoint):
                self._fill(checkpoint, found)
                yield
                self.series.model(checkpoint)  # others may have been here since
        except InductionError as error:  # it could be loaded before
            self.faults = self.faults | {checkpoint: _say(error)}

    def retry_own(self, name: str) -> list[int]:
        return self.own.forget_faults(name)

    def knows(self, checkpoint: int, score: str) -> bool:
        if checkpoint in self.faults or score not in self.own.names:
            return self.is_scored(checkpoint)
        return self.own.knows(checkpoint, score)

    def describe(self, score: Score) -> dict[str, Any]:
        """`ScoreInfo` of js/src/kernel/model.ts."""
        facts = self.scorer_of(score).facts(score)
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
            "own": score.own,
            "units": score.units,
            "said": [legible(one) for one in self.own.said(score)],
            "faults": {str(i): legible(why) for i, why in self.own.faults_of(score.name).items()},
        }


def _say(error: Exception) -> str:
    return str(error) if isinstance(error, InductionError) else f"{type(error).__name__}: {error}"


# Weak: a session lives as long as an explorer uses it.
_sessions: weakref.WeakValueDictionary[tuple[Any, ...], SeriesSession] = (
    weakref.WeakValueDictionary()
)


def session_of(
    series: CheckpointSeries,
    texts: Texts | None = None,
    chosen: Chosen | None = None,
    among: Sequence[str] = (),
) -> SeriesSession:
    """The session of a series, shared by all explorers on it: a cell run again costs nothing.

    A single model is its caller's to change between two cells; its series is new each time, so it
    never shows old scores.
    """
    chosen = chosen or Chosen(None)
    # Read anew each time: texts may be as large as one likes, and functions be changed.
    if texts is not None or not chosen.is_plain:
        own = series.replica(private=True, bare=not chosen.calls_functions)
        return SeriesSession(own, texts, chosen, among)
    session = _sessions.get(series.identity)
    if session is None:
        session = SeriesSession(series.replica(private=True))
        _sessions[series.identity] = session
    return session


def open_session(
    given: tuple[CheckpointSeries, Checkpoint | None],
    texts: Texts | None = None,
    chosen: Chosen | None = None,
    among: Sequence[str] = (),
) -> tuple[SeriesSession, int]:
    """The session that shows a series, and the number of the checkpoint to start at; None for the
    last.

    Args:
        chosen: the scores that are shown, of explorers on the series of these names.

    Raises:
        ProbeError: texts that the model cannot read.
        SelectionError: scores that are not of this series.
    """
    series, checkpoint = given
    session = session_of(series, texts, chosen, among)
    last = len(session.series) - 1
    return session, last if checkpoint is None else session.series.find(checkpoint)


def series_to_show(model: Any, tokenizer: Any | None) -> tuple[CheckpointSeries, Checkpoint | None]:
    """The series that a model brings, or is, and the checkpoint that it holds; None for the
    last."""
    if isinstance(model, CheckpointSeries):
        return model, None
    known = series_of(model)
    if known is not None:
        series, index = known
        return series, series[index]
    return CheckpointSeries.single(as_model(model, tokenizer)), None
