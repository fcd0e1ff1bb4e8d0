"""One series as an explorer works on it: a model of its own, its scores, one prompt's results."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from induction_kernels.attention.door import as_model
from induction_kernels.attention.patterns import Head, keep_packed, run_patterns
from induction_kernels.checkpoints import CheckpointSeries, series_of
from induction_kernels.errors import InductionError, SelectionError
from induction_kernels.inputs.texts import LONGEST, ROWS, TextProbe, Texts
from induction_kernels.inputs.tokenization import answer_token, prompt_tokens, token_strings
from induction_kernels.losses.measures import MEASURES, Measurer
from induction_kernels.losses.predictions import PositionPredictions, predict_positions
from induction_kernels.losses.tokens import in_context_learning_positions
from induction_kernels.models.model import Model, refuse_without_attention
from induction_kernels.names import legible
from induction_kernels.scores.registry import SCORES, Scorer, choose_scores
from induction_kernels.scores.score import Score
from torch import Tensor

from induction_explorer.channel.worker import SHARED

#: How many predictions a position shows.
TOP_K = 10
#: Patterns kept for one prompt; within this, every checkpoint's are computed ahead of scrubbing.
PATTERN_BYTES = 64 << 20
#: Parameters times checkpoints up to which running every checkpoint on each prompt is quick.
PARAMETER_PASSES = 2_000_000_000
#: Parameters times tokens up to which measuring one checkpoint keeps nobody waiting.
MEASURE_PASSES = 50_000_000_000
#: Subjects whose answers are kept, beside those of the prompt.
_SUBJECTS = 64


class SeriesSession:
    """A series with a resident model that nobody else holds, and the scores read off it so far.

    The model is touched by the worker's thread only; `grids` are filled there, one checkpoint at a
    time, and may be read while that goes on, as may `faults`, a new dict with each of them.
    """

    def __init__(self, series: CheckpointSeries, texts: Texts | None = None) -> None:
        self.series = series
        self.faults: dict[int, str] = {}
        self._scored: set[int] = set()
        model = self._first_model()
        self.name = legible(series.name)
        self.tokenizer_model = model
        self.layers, self.heads, self.context = model.n_layers, model.n_heads, model.n_ctx
        #: The layers that have attention; hybrid models have others too.
        self.attending = list(model.attending)
        self.parameters = sum(p.numel() for p in model.module.parameters())
        scores, left_out = choose_scores(None, model)
        self.scorer = Scorer(model, scores)
        #: Scores that are not measured, by title, and why.
        self.left_out = {SCORES[name].title: reason for name, reason in left_out.items()}
        #: The text that losses are measured on, or why they are not; "" until that is known.
        self.measured_on = ""
        self.measures: dict[str, np.ndarray] = {}
        self.positions = np.arange(0)
        self._measured: set[int] = set()
        self._answers: OrderedDict[Hashable, tuple[dict[int, Any], dict[int, str]]] = OrderedDict()
        self.given_text = None if texts is None else TextProbe.of(model, texts)
        self._measurer: Measurer | None = None
        shape = (len(series), self.layers, self.heads)
        self.grids = {s.name: np.full(shape, np.nan, np.float32) for s in self.scorer.scores}

    @property
    def light(self) -> bool:
        """Small enough to ask a question of every checkpoint."""
        return self.parameters * len(self.series) <= PARAMETER_PASSES

    def found(self, subject: Hashable) -> tuple[dict[int, Any], dict[int, str]]:
        """What is known of a subject by checkpoint, and why some are missing; the subjects that
        were asked for last are kept."""
        with SHARED:
            if subject not in self._answers:
                self._answers[subject] = {}, {}
            self._answers.move_to_end(subject)
            while len(self._answers) > _SUBJECTS:
                self._answers.popitem(last=False)
            return self._answers[subject]

    def is_measured(self, checkpoint: int) -> bool:
        return checkpoint in self._measured

    def measure(self, checkpoint: int, then: int | None = None) -> None:
        """Fill one row of every measure; a checkpoint that fails stays NaN, its fault says why."""
        if self.is_measured(checkpoint):
            return
        self._measured.add(checkpoint)
        if not self.measured_on:
            self._begin_to_measure()
        if self._measurer is None or checkpoint in self.faults:
            return
        try:
            found = self._measurer(self.series.model(checkpoint, then=then))
        except Exception as error:  # whatever it is, the reader is told and the others go on
            self.faults = self.faults | {checkpoint: _say(error)}
            return
        for name, value in found.items():
            kept = value[self.positions] if MEASURES[name].per == "position" else value
            self.measures[name][checkpoint] = kept.numpy()

    @property
    def text_hash(self) -> str:
        """Of the tokens that losses are measured on; "" without any."""
        return "" if self._measurer is None else self._measurer.text.hash

    def provenance(self) -> dict[str, Any]:
        measured = {} if self._measurer is None else self._measurer.provenance()
        return self.tokenizer_model.provenance() | measured | {"series": self.name}

    def _begin_to_measure(self) -> None:
        """Choose the text, or find out why there can be none."""
        model = self.tokenizer_model
        rows = min(ROWS, MEASURE_PASSES // (self.parameters * min(LONGEST, model.n_ctx)))
        if rows < 4 and self.given_text is None:
            self.measured_on = (
                f"{model.name} is too large to measure losses in the background; "
                "induction_kernels.measures(series) does it while you wait."
            )
            return
        try:
            text = self.given_text or TextProbe.default(model, rows)
            predicted = min(model.n_ctx, text.tokens.shape[1] - 1)
            positions = in_context_learning_positions(predicted)
            self._measurer = Measurer(model, text, positions=positions)
        except InductionError as error:
            self.measured_on = str(error)
            return
        early, late = positions
        self.measured_on = (
            f"{len(text.tokens)} rows of {text.origin} (late is position {late}, early {early})"
        )
        self.positions = _log_spaced(self._measurer.positions)
        sizes = {
            "checkpoint": len(self.series),
            "position": len(self.positions),
            "row": len(text.tokens),
        }
        self.measures = {
            measure.name: np.full([sizes[dim] for dim in measure.dims], np.nan, np.float32)
            for measure in MEASURES.values()
        }

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

    def is_scored(self, checkpoint: int) -> bool:
        return checkpoint in self._scored

    def score(self, checkpoint: int, then: int | None = None) -> None:
        """Fill one row of every grid, or the checkpoint's fault; `then` is wanted next."""
        if self.is_scored(checkpoint):
            return
        try:
            for name, values in self.scorer(self.series.model(checkpoint, then=then)).items():
                self.grids[name][checkpoint] = values.numpy()
        except Exception as error:  # whatever it is, the reader is told and the others go on
            self.faults = self.faults | {checkpoint: _say(error)}
        self._scored.add(checkpoint)

    def best_heads(self, checkpoint: int, *scores: str) -> list[list[int]]:
        """The head with the highest value of each score; none where the checkpoint failed."""
        grids = [self.grids[score][checkpoint] for score in scores]
        known = [grid for grid in grids if np.isfinite(grid).any()]
        best = [divmod(int(np.nanargmax(grid)), self.heads) for grid in known]
        return [list(head) for head in dict.fromkeys(best)]

    def check_head(self, head: Head) -> None:
        """Whether it exists, in a layer that has attention.

        Raises:
            SelectionError, UnsupportedModelError: it does not.
        """
        layer, index = head
        if not (0 <= layer < self.layers and 0 <= index < self.heads):
            raise SelectionError(
                f"There is no head {index} in layer {layer} of {self.name}.",
                f"Layers go from 0 to {self.layers - 1}, heads from 0 to {self.heads - 1}.",
            )
        refuse_without_attention(self.tokenizer_model, layer)

    @property
    def every_head(self) -> list[Head]:
        """Layer by layer; those without attention have none."""
        return [(layer, head) for layer in self.attending for head in range(self.heads)]

    def info(self) -> dict[str, Any]:
        """`SeriesInfo` of js/src/kernel/model.ts."""
        return {
            "name": self.name,
            "labels": self.series.labels,
            "steps": self.series.steps,
            "tokens": self.series.tokens,
            "tokens_estimated": self.series.tokens_estimated,
            "layers": self.layers,
            "heads": self.heads,
            "attending": self.attending,
            "context": self.context,
            "light": self.light,
            "left_out": {title: legible(reason) for title, reason in self.left_out.items()},
            "faults": {str(i): legible(why) for i, why in sorted(self.faults.items())},
        }

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


@dataclass(eq=False)
class PromptRun:
    """One prompt on one series: what has been computed of it, checkpoint by checkpoint.

    Attributes:
        scrub: patterns of all heads at all checkpoints are computed and kept.
        current: no newer prompt has taken its place.
    """

    session: SeriesSession
    generation: int
    ids: Tensor
    answer: int | None
    strings: list[str]
    scrub: bool
    current: bool = True
    faults: dict[int, str] = field(default_factory=dict)
    predictions: dict[int, PositionPredictions] = field(default_factory=dict)
    _patterns: OrderedDict[tuple[int, Head], np.ndarray] = field(default_factory=OrderedDict)
    _bytes: int = 0

    @classmethod
    def make(cls, session: SeriesSession, text: str, answer: str, generation: int) -> PromptRun:
        """Read the prompt with the series' tokenizer.

        Raises:
            PromptError, ProbeError: a prompt or an answer that cannot be run.
        """
        model = session.tokenizer_model
        ids = prompt_tokens(model, text)
        n = ids.shape[1]
        checkpoints = len(session.series)
        size = checkpoints * session.layers * session.heads * n * (n + 1) // 2
        passes = session.parameters * checkpoints
        return cls(
            session=session,
            generation=generation,
            ids=ids,
            answer=answer_token(model, answer) if answer else None,
            strings=token_strings(model, ids[0]),
            scrub=size <= PATTERN_BYTES and passes <= PARAMETER_PASSES,
        )

    def info(self) -> dict[str, Any]:
        """`PromptInfo` of js/src/kernel/model.ts."""
        return {
            "generation": self.generation,
            "tokens": self.strings,
            "ids": self.ids[0].tolist(),
            "answer": self.answer_string,
            "scrub": self.scrub,
            "error": None,
        }

    @property
    def answer_string(self) -> str:
        """The token that is ranked after the prompt, "" for none."""
        if self.answer is None:
            return ""
        return token_strings(self.session.tokenizer_model, [self.answer])[0]

    def pattern(self, checkpoint: int, head: Head) -> np.ndarray | None:
        """The packed triangle of a head, if it is there."""
        return self._patterns.get((checkpoint, head))

    def compute(self, checkpoint: int, heads: list[Head] | None) -> None:
        """Run one checkpoint; keep the patterns of `heads` (None: all) and the predictions."""
        if checkpoint in self.faults or self._has(checkpoint, heads):
            return
        try:
            model = self.session.series.model(checkpoint)
            wanted = self.session.every_head if heads is None else heads
            keep = partial(self._keep, checkpoint)
            output = run_patterns(model, self.ids, wanted, keep, keep_packed)
            self.predictions[checkpoint] = predict_positions(
                output, self.ids[0], model.d_vocab, TOP_K, self.answer
            )
        except Exception as error:  # whatever it is, the reader is told
            self.faults[checkpoint] = _say(error)

    def _has(self, checkpoint: int, heads: list[Head] | None) -> bool:
        wanted = heads if heads is not None else self.session.every_head
        return checkpoint in self.predictions and all(
            (checkpoint, head) in self._patterns for head in wanted
        )

    def _keep(self, checkpoint: int, head: Head, packed: np.ndarray) -> None:
        replaced = self._patterns.pop((checkpoint, head), None)
        self._patterns[checkpoint, head] = packed
        self._bytes += packed.nbytes - (0 if replaced is None else replaced.nbytes)
        while self._bytes > 2 * PATTERN_BYTES and len(self._patterns) > 1:
            self._bytes -= self._patterns.popitem(last=False)[1].nbytes


def _log_spaced(count: int) -> np.ndarray:
    """Positions from 0 to count - 1; where they are many, about a hundred, even on a log axis."""
    if count <= 128:
        return np.arange(count)
    return np.unique(np.geomspace(1, count, 120).round().astype(int) - 1)


def refused(error: InductionError, generation: int) -> dict[str, Any]:
    """`PromptInfo` of a series that cannot run the prompt."""
    return {
        "generation": generation,
        "tokens": [],
        "ids": [],
        "answer": "",
        "scrub": False,
        "error": {"message": legible(error.message), "hint": legible(error.hint)},
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
        return session_of(model, texts), len(model) - 1
    known = series_of(model)
    if known is not None:
        return session_of(known[0], texts), known[1]
    return session_of(CheckpointSeries.single(as_model(model, tokenizer)), texts), 0


def is_model_and_tokenizer(value: Sequence[Any]) -> bool:
    return len(value) == 2 and hasattr(value[1], "convert_ids_to_tokens")
