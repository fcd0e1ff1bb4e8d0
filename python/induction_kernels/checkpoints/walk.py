"""A series read from its first checkpoint to its last, the same way throughout."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, TypeVar

import numpy as np

from induction_kernels.checkpoints.coordinates import along_training
from induction_kernels.checkpoints.progress import progress_bar
from induction_kernels.checkpoints.series import CheckpointSeries
from induction_kernels.errors import (
    CheckpointError,
    InductionError,
    ProbeError,
    PromptError,
    SelectionError,
    StoreError,
)
from induction_kernels.models.model import Model

_Reader = TypeVar("_Reader", bound=Callable[[Model], Any])

#: Of what was asked for, not of a checkpoint: no other one would do.
OF_THE_CALLER = (SelectionError, ProbeError, PromptError, StoreError)


@dataclass(frozen=True, eq=False)
class Walk(Generic[_Reader]):
    """What was read on the way.

    Attributes:
        reader: what read them, made for the series' model.
        model: as it was at the last checkpoint that could be loaded.
        readings: by the index of each checkpoint that could be read.
        faults: why the others could not.
    """

    series: CheckpointSeries
    reader: _Reader
    model: Model
    readings: dict[int, Any]
    faults: list[str]

    def along(self, part: Callable[[Any], Any], dtype: type = np.float32) -> np.ndarray:
        """[checkpoint, ...]: this part of every reading; NaN where there is none."""
        parts = {index: np.asarray(part(reading)) for index, reading in self.readings.items()}
        shape = next(iter(parts.values())).shape
        whole = np.full((len(self.series), *shape), np.nan, dtype)
        for index, values in parts.items():
            whole[index] = values
        return whole

    @property
    def coords(self) -> dict[str, Any]:
        """As a dataset has them."""
        return {"checkpoint": range(len(self.series)), **along_training(self.series)}

    @property
    def attrs(self) -> dict[str, Any]:
        return self.model.provenance() | {"series": self.series.name, "faults": self.faults}


def walk(
    series: CheckpointSeries,
    prepare: Callable[[Model], _Reader],
    *,
    done: str,
    passing: bool = False,
    bare: bool = True,
    progress: bool = True,
) -> Walk[_Reader]:
    """Read every checkpoint. One that cannot be read is left out, and a warning says so to whoever
    called the caller.

    Args:
        series: read through a model of its own; what `series.load` gave stays as it is.
        prepare: makes, of the series' model, what reads each checkpoint.
        done: what is done to a checkpoint, for the error: "measured".
        passing, bare: of the replica that is read.
        progress: show a progress bar.

    Raises:
        SelectionError, ProbeError, PromptError: of `prepare` or what it makes.
        CheckpointError: not one checkpoint could be read.
    """
    readings: dict[int, Any] = {}
    faults: list[str] = []
    reader, last = None, None

    def read(index: int, model: Model) -> None:
        nonlocal reader, last
        last = model
        if reader is None:
            reader = prepare(model)
        readings[index] = reader(model)

    def miss(index: int, error: InductionError) -> None:
        faults.append(f"{series[index].label}: {error}")

    visit(series, [range(len(series))], read, miss, passing=passing, bare=bare, progress=progress)
    if reader is None or last is None or not readings:
        raise CheckpointError(f"No checkpoint of {series.name} could be {done}.", faults[0])
    if faults:
        warnings.warn("Checkpoints left out (NaN): " + "; ".join(faults), stacklevel=3)
    return Walk(series, reader, last, readings, faults)


def visit(
    series: CheckpointSeries,
    plans: Iterable[Sequence[int]],
    read: Callable[[int, Model], None],
    miss: Callable[[int, InductionError], None],
    *,
    wanted: Callable[[int], bool] = lambda index: True,
    passing: bool = False,
    bare: bool = True,
    progress: bool = True,
    total: int | None = None,
    there: int = 0,
) -> None:
    """Load one checkpoint after another, the next while this one is read.

    Args:
        series: read through a model of its own; what `series.load` gave stays as it is.
        plans: which, in which order; each is asked for when the one before is done.
        read: is given each, by its index.
        miss: is told why one could not be loaded or read.
        wanted: whether one is still to be loaded, asked just before.
        passing, bare: of the replica that is read.
        progress: show a progress bar.
        total, there: of it; by default all of the series, and nothing.

    Raises:
        SelectionError, ProbeError, PromptError, StoreError: of `read`; no other checkpoint would
            do.
    """
    series = series.replica(private=True, passing=passing, bare=bare)
    total = len(series) if total is None else total
    with (
        progress_bar(series.name, total, there=there, show=progress) as done,
        _stopped(series),
    ):
        for plan in plans:
            for here, then in pairwise([*plan, None]):
                assert here is not None
                try:
                    if wanted(here):
                        read(here, series.model(here, then=then))
                except OF_THE_CALLER:
                    raise
                except InductionError as error:
                    miss(here, error)
                done()


@contextmanager
def _stopped(series: CheckpointSeries) -> Iterator[None]:
    """After it nothing is read ahead."""
    try:
        yield
    finally:
        series.stop()
