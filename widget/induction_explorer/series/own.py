"""The reader's own scores of one series: functions, which are called checkpoint by checkpoint after
all else, and arrays, which are matched to its checkpoints. Cells are read with our scores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from induction_kernels.errors import SelectionError
from induction_kernels.scores.own.arrays import ArrayScore, given_rows
from induction_kernels.scores.own.functions import FunctionScore
from induction_kernels.scores.registry import Scorer, check_scores
from induction_kernels.scores.score import Score

from induction_explorer.series.budget import duration

if TYPE_CHECKING:
    from induction_kernels.checkpoints import CheckpointSeries
    from induction_kernels.models.model import Model
    from induction_kernels.scores.own.given import Scores


class Chosen:
    """What a caller gives an explorer as `scores=`, for each of its series.

    Attributes:
        names: of ours; None for all that the model allows.
        own: the reader's.

    Raises:
        SelectionError: a score that does not exist, or one of the reader's that cannot be one.
    """

    def __init__(self, scores: Scores) -> None:
        every = [] if scores is None else check_scores(scores)
        ours = [score.name for score in every if not score.own]
        self.names = ours or None
        self.own = [score for score in every if score.own]

    @property
    def is_plain(self) -> bool:
        return self.names is None and not self.own

    @property
    def calls_functions(self) -> bool:
        return any(isinstance(score, FunctionScore) for score in self.own)

    def of(self, name: str, among: Sequence[str]) -> tuple[list[Score], dict[str, str]]:
        """The reader's own of the series of this name, and of which series the others are, by name.

        Raises:
            SelectionError: an array does not say of which of several series it is, or is of none.
        """
        elsewhere = {}
        for score in self.own:
            if not isinstance(score, ArrayScore) or len(among) < 2:
                continue
            if score.series not in among:
                said = "does not say" if score.series is None else f"says {score.series!r}"
                raise SelectionError(
                    f"{score.name} {said} of which series it is; there are {', '.join(among)}.",
                    f"{score.name}.assign_attrs(series={among[0]!r}) says it.",
                )
            if score.series != name:
                elsewhere[score.name] = f"It is of {score.series}."
        return [score for score in self.own if score.name not in elsewhere], elsewhere


class Own:
    """Raises:
    SelectionError: an array of other heads, or of no checkpoint of the series.
    ProbeError: text that the model cannot read.
    """

    def __init__(self, series: CheckpointSeries, model: Model, scores: Sequence[Score]) -> None:
        self._series, self._shape = series, (model.n_layers, model.n_heads)
        self._functions = [score for score in scores if isinstance(score, FunctionScore)]
        self._arrays = [score for score in scores if isinstance(score, ArrayScore)]
        for array in self._arrays:
            array.check(series.name, list(series), self._shape)
        self.scorer = Scorer(model, list(self._functions))
        #: Why a score has no numbers, and what it changed of the model: by name and checkpoint.
        self.faults: defaultdict[str, dict[int, str]] = defaultdict(dict)
        self._changed: dict[str, str] = {}
        self._seconds: dict[str, float] = {}
        self._known: set[tuple[str, int]] = set()

    @property
    def scores(self) -> list[Score]:
        return [*self._functions, *self._arrays]

    @property
    def names(self) -> list[str]:
        return [score.name for score in self.scores]

    @property
    def calls_functions(self) -> bool:
        return bool(self._functions)

    def knows(self, checkpoint: int, name: str | None = None) -> bool:
        """Whether nothing is left to be done there, of one of them or of all."""
        names = self.names if name is None else [name]
        return all((one, checkpoint) in self._known for one in names)

    def steps(
        self, model: Model, checkpoint: int, name: str | None = None
    ) -> Iterator[dict[str, np.ndarray]]:
        """[layer, head] of each that is not known at a checkpoint, or of one, one after the other;
        its weights are in the model before each."""
        if name is None or name in {array.name for array in self._arrays}:
            yield self.given(checkpoint)
        for score in self._functions:
            if name in {None, score.name} and not self.knows(checkpoint, score.name):
                yield {score.name: self.call(model, checkpoint, score)}

    def given(self, checkpoint: int) -> dict[str, np.ndarray]:
        """Of arrays."""
        found, faults = given_rows(self._arrays, self._series[checkpoint], self._shape)
        for name in found:
            self._note(name, checkpoint, faults.get(name, ""))
        return found

    def call(self, model: Model, checkpoint: int, score: FunctionScore) -> np.ndarray:
        """Of a function."""
        name = score.name
        values: np.ndarray = self.scorer.call(model, score).numpy()
        reading = self.scorer.readings[name]
        self._note(name, checkpoint, reading.fault)
        self._seconds[name] = reading.seconds
        if reading.changed:
            self._changed[name] = "; ".join(reading.changed)
        return values

    def _note(self, name: str, checkpoint: int, fault: str) -> None:
        self._known.add((name, checkpoint))
        if fault:
            self.faults[name][checkpoint] = fault

    def faults_of(self, name: str) -> dict[int, str]:
        """Why it has no numbers, by checkpoint."""
        return self.faults.get(name, {})

    def forget_faults(self, name: str) -> list[int]:
        """What failed may be tried anew: at which checkpoints."""
        again = sorted(self.faults.pop(name, {}))
        self._known -= {(name, checkpoint) for checkpoint in again}
        return again

    def renumber(self, moved: Sequence[int]) -> None:
        """There are more checkpoints; `moved` says which number each of the others has now."""
        self._known = {(name, moved[index]) for name, index in self._known}
        for name, faults in self.faults.items():
            self.faults[name] = {moved[index]: why for index, why in faults.items()}

    def said(self, score: Score) -> list[str]:
        """What there is to say of one beside what it is: how it is matched, what it costs, and what
        it changes."""
        if isinstance(score, ArrayScore):
            if len(self._series) == 1:
                return []
            there = sum(score.row_of(one) is not None for one in self._series)
            return [f"Has {there} of {len(self._series)} checkpoints, matched by {score.by}"]
        said = []
        if score.name in self._seconds:
            said.append(f"Takes {_duration(self._seconds[score.name])} a checkpoint")
        if score.name in self._changed:
            said.append(f"Changes the model, which is undone: {self._changed[score.name]}")
        return said


def _duration(seconds: float) -> str:
    return f"about {duration(seconds)}" if seconds >= 1 else f"{max(1, round(1000 * seconds))} ms"
