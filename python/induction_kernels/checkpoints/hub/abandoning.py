"""A download that nobody waits for any more ends in the middle."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from typing import Any, TypeVar

_T = TypeVar("_T")
_abandoned: ContextVar[threading.Event | None] = ContextVar("abandoned", default=None)


class AbandonedError(Exception):
    """Nobody hears of it."""


def abandoned_by(event: threading.Event, work: Callable[[], _T]) -> Callable[[], _T]:
    """The work, whose downloads end once the event is set."""

    def done() -> _T:
        token = _abandoned.set(event)
        try:
            return work()
        finally:
            _abandoned.reset(token)

    return done


@cache
def told_of_blocks() -> dict[str, Any]:
    """For hf_hub_download, which moves a bar of this class before it writes each block. One that
    takes none goes on to the end."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined] # says nobody but itself

    class Bar(tqdm):
        def update(self, n: Any = 1) -> bool | None:
            event = _abandoned.get()
            if event is not None and event.is_set():
                raise AbandonedError
            shown: bool | None = super().update(n)
            return shown

    takes = inspect.signature(hf_hub_download).parameters
    return {"tqdm_class": Bar} if "tqdm_class" in takes else {}
