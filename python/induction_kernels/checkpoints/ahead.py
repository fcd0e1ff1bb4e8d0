"""The next checkpoint, read while this one is in use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

from torch import Tensor

from induction_kernels.checkpoints.hub.abandoning import abandoned_by

Weights = Mapping[str, Tensor] | None


class ReadAhead:
    """At most one checkpoint, read on another thread before it is asked for.

    How to read is said each time and not kept: it would keep what holds this, until Python's cycle
    collector comes by, and a model's weights with it.
    """

    def __init__(self) -> None:
        self._next: tuple[int, Future[Weights]] | None = None
        self._abandoned = threading.Event()

    def start(self, index: int, read: Callable[[], Weights]) -> None:
        """Begin to read a checkpoint; whatever was read and not taken is let go."""
        if self._next is None or self._next[0] != index:
            self._abandoned = threading.Event()
            self._next = index, _reader().submit(abandoned_by(self._abandoned, read))

    def take(self, index: int, read: Callable[[], Weights]) -> Weights:
        """A checkpoint's weights, or the error that reading it raised."""
        ready, self._next = self._next, None
        if ready is not None and ready[0] == index:
            try:
                return ready[1].result()
            finally:
                del ready  # an error would hold this frame, and this frame the error
        return read()

    def stop(self) -> None:
        """Nobody will take what is being read: a download ends in the middle."""
        self._abandoned.set()
        if self._next is not None:
            self._next[1].cancel()
        self._next = None


@cache
def _reader() -> ThreadPoolExecutor:
    """One thread for all series: two files read at once are not read faster."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="induction-read-ahead")
