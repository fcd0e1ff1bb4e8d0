"""Measures of a series' checkpoints, all on the same text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.errors import InductionError
from induction_kernels.inputs.texts import TextProbe
from induction_kernels.losses.measure import MEASURES, share_in_words
from induction_kernels.losses.measures import Measurer
from induction_kernels.losses.tokens import in_context_learning_positions
from induction_kernels.models.model import Model
from torch import Tensor

from induction_explorer.series.budget import Reading

Known = Callable[[], dict[str, Tensor]]


class Measured:
    """What is known of them. Filled on the worker's thread, one checkpoint at a time; may be read
    while that goes on.

    Args:
        given: the caller's text; None for the default one.

    Attributes:
        arrays: [checkpoint, ...] by measure, NaN where nothing is known; none before the first.
        positions: those that curves over positions have.
        faults: why checkpoints have no measures; a new dict with each.
        reading: how much text is read, and whether it is without being asked.
    """

    def __init__(
        self, series: CheckpointSeries, model: Model, given: TextProbe | None, reading: Reading
    ) -> None:
        self._series, self._model, self._given = series, model, given
        self.reading = reading
        self.arrays: dict[str, np.ndarray] = {}
        self.positions = np.arange(0)
        self.faults: dict[int, str] = {}
        self._known: set[int] = set()
        self._on = ""
        self._measurer: Measurer | None = None

    @property
    def unasked(self) -> bool:
        return self.reading.unasked

    def knows(self, checkpoint: int) -> bool:
        """Whether there is nothing left to be done there."""
        return checkpoint in self._known

    def steps(self, checkpoint: int) -> Iterator[Known]:
        """Pass after pass over one checkpoint, whose weights are in the model before each.

        Raises:
            InductionError: no text can be read, or the losses are not finite.
        """
        measurer = self._begin()
        found: dict[str, Tensor] = {}
        for known in measurer.by_steps(self._series.model(checkpoint), self.reading.batch):
            yield known
            found = known()
        for name, value in found.items():
            kept = value[self.positions] if MEASURES[name].per == "position" else value
            self.arrays[name][checkpoint] = kept.numpy()
        self._known.add(checkpoint)

    def fail(self, checkpoint: int, why: str) -> None:
        """It is not tried again until `forget_faults`."""
        self._known.add(checkpoint)
        if self._measurer is not None or not self._on:  # else no checkpoint has any
            self.faults = self.faults | {checkpoint: why}

    def forget_faults(self, others: set[int]) -> None:
        """What failed may be tried anew, and so may these."""
        self._known -= self.faults.keys() | others
        self.faults = {}

    def grow(self, moved: Sequence[int]) -> None:
        """There are more checkpoints; `moved` says which number each of the others has now."""
        count = len(self._series)
        self.arrays = {name: spread(rows, moved, count) for name, rows in self.arrays.items()}
        self._known = {moved[index] for index in self._known}
        self.faults = {moved[index]: why for index, why in self.faults.items()}

    @property
    def on(self) -> str:
        """The text that losses are measured on, or why they are not; "" until that is known. And
        what could not be measured."""
        if not self.faults:
            return self._on
        labels = ", ".join(self._series.labels[i] for i in sorted(self.faults))
        return f"{self._on}; not measured: {labels} ({self.faults[min(self.faults)]})"

    @property
    def text_hash(self) -> str:
        """Of the tokens that losses are measured on; "" without any."""
        return "" if self._measurer is None else self._measurer.text.hash

    def provenance(self) -> dict[str, str | int | float]:
        return {} if self._measurer is None else self._measurer.provenance()

    def _begin(self) -> Measurer:
        """Choose the text, for good.

        Raises:
            InductionError: there can be none.
        """
        if self._measurer is None:
            if self._on:
                raise InductionError(self._on)
            try:
                self._measurer = self._choose()
            except InductionError as error:
                self._on = str(error)
                raise
            self._make_room(self._measurer)
        return self._measurer

    def _choose(self) -> Measurer:
        text = self._given or TextProbe.default(self._model, self.reading.rows)
        predicted = min(self._model.n_ctx, text.tokens.shape[1] - 1)
        positions = in_context_learning_positions(predicted)
        return Measurer(self._model, text, positions=positions)

    def _make_room(self, measurer: Measurer) -> None:
        text = measurer.text
        self._on = (
            f"{len(text.tokens)} rows of {text.origin} "
            f"(late is position {measurer.late}, early {measurer.early}; "
            f"{share_in_words(measurer.share)})"
        )
        self.positions = _log_spaced(measurer.positions)
        sizes = {
            "checkpoint": len(self._series),
            "position": len(self.positions),
            "row": len(text.tokens),
        }
        self.arrays = {
            measure.name: np.full([sizes[dim] for dim in measure.dims], np.nan, np.float32)
            for measure in MEASURES.values()
        }


def spread(rows: np.ndarray, to: Sequence[int], count: int) -> np.ndarray:
    """So many rows: these where they belong now, NaN elsewhere."""
    wider = np.full((count, *rows.shape[1:]), np.nan, rows.dtype)
    wider[list(to)] = rows
    return wider


def _log_spaced(count: int) -> np.ndarray:
    """Positions from 0 to count - 1; where they are many, about a hundred, even on a log axis."""
    if count <= 128:
        return np.arange(count)
    return np.unique(np.geomspace(1, count, 120).round().astype(int) - 1)
