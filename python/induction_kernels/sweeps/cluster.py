"""A sweep on a cluster: one task a checkpoint, each read by a worker and written into the store."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.checkpoints.progress import progress_bar
from induction_kernels.errors import CheckpointError, InductionError, SelectionError
from induction_kernels.sweeps.downloads import Downloads
from induction_kernels.sweeps.filling import Filling, left, refuse_other_weights
from induction_kernels.sweeps.measuring import Asked
from induction_kernels.sweeps.store import Store

if TYPE_CHECKING:
    from distributed import Client

#: Bytes that a series may have when it is sent to the workers: where its weights are, not these.
_LARGEST = 16 << 20
#: How often a checkpoint is read before what went wrong with the worker is told.
_RETRIES = 2


def fill_on(
    client: Client,
    store: Store,
    series: CheckpointSeries,
    asked: Asked,
    *,
    retry: bool,
    downloads: Downloads,
    progress: bool,
) -> None:
    """Let the workers of a Dask cluster read what the store lacks.

    Raises:
        SelectionError: the series holds its weights itself, so that they would be sent.
        CheckpointError: not one checkpoint can be read, and the store has none.
        StoreError: the store is another's, or cannot be written.
        InductionError: the scheduler is gone.
    """
    _check_size(series)
    refuse_other_weights(store, series)
    if retry:
        store.forget_unread(list(series), asked.every)
    missing = left(store, series, asked, retry=retry)
    downloads.announce(series, missing, elsewhere=True, progress=progress)
    task = Task(uuid.uuid4().hex, store.place, series, asked, passing=not downloads.keep)
    faults: dict[int, str] = {}
    there = len(series) - len(missing)
    with progress_bar(series.name, len(series), there=there, show=progress) as done:
        # The first that can be read makes the store; the others find it there.
        while missing and not store.exists:
            for index, fault in _run(client, task, [missing.pop(0)]):
                faults |= {} if fault is None else {index: fault}
                done()
            store.refresh()
        for _ in _run(client, task, missing):
            done()
    if not store.exists:
        index, fault = next(iter(faults.items()))
        raise CheckpointError(
            f"No checkpoint of {series.name} could be scored.", f"{series[index].label}: {fault}"
        )
    store.refresh()
    for index, fault in faults.items():
        store.write_fault(series[index], fault)


def _check_size(series: CheckpointSeries) -> None:
    from distributed.protocol.pickle import dumps

    size = len(dumps(series))
    if size > _LARGEST:
        raise SelectionError(
            f"{series.name} would be sent to the workers with {size >> 20:,} MB of weights.",
            "Give a series that they can read themselves: CheckpointSeries.from_folder of a folder "
            "that all of them see, or from_hub.",
        )


def _run(client: Client, task: Task, indices: Sequence[int]) -> Iterator[tuple[int, str | None]]:
    """Each checkpoint as it is done, and why it could not be read.

    A worker that is lost has its task done by another. A checkpoint that takes worker after worker
    with it is a fault.
    """
    from distributed import KilledWorker, as_completed

    futures: dict[Any, int] = {
        client.submit(task, index, key=f"{task.name}-{index}", retries=_RETRIES, pure=False): index
        for index in indices
    }
    try:
        for future in as_completed(list(futures)):
            index = futures[future]
            try:
                yield index, future.result()
            except KilledWorker as error:
                yield index, task.miss(index, CheckpointError(f"Its workers died: {error}"))
            except (CancelledError, OSError) as error:
                raise InductionError(
                    f"The Dask cluster is gone ({type(error).__name__}).",
                    f"{task.place} keeps what was computed; the same call goes on from there, on "
                    "any cluster or without one.",
                ) from error
    finally:
        with contextlib.suppress(Exception):  # of a cluster that is gone
            client.cancel(list(futures))


class Task:
    """Reads a checkpoint, where it is called."""

    def __init__(
        self, sweep: str, place: str, series: CheckpointSeries, asked: Asked, *, passing: bool
    ) -> None:
        self.name = f"induction-sweep-{sweep}"
        self.place = place
        self._series, self._asked, self._passing = series, asked, passing

    def __call__(self, index: int) -> str | None:
        """Why it could not be read; None of one that could, which is in the store then."""
        return _desk(self).read(index)

    def miss(self, index: int, error: InductionError) -> str:
        """Keep why a checkpoint could not be read, if there is a store to keep it."""
        Desk(self).miss(index, error)
        return str(error)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def open(self) -> tuple[CheckpointSeries, Store, Asked]:
        series = self._series.replica(
            private=True, passing=self._passing, bare=not self._asked.calls_functions
        )
        return series, Store(self.place), self._asked


class Desk:
    """One sweep in one worker process: its model and its probes stay from task to task."""

    def __init__(self, task: Task) -> None:
        self._series, self._store, asked = task.open()
        self._filling = Filling(self._store, self._series, asked)
        self._one = threading.Lock()  # a worker may have several threads; there is one model

    def read(self, index: int) -> str | None:
        with self._one:
            error = self._filling.attempt(index)
            return None if error is None else self.miss(index, error)

    def miss(self, index: int, error: InductionError) -> str:
        self._store.refresh()
        self._filling.miss(index, error)
        if self._store.exists:
            self._filling.end()
        return str(error)


@lru_cache(maxsize=1)
def _desk(task: Any) -> Desk:
    return Desk(task)
