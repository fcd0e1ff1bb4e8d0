"""Looks for what others add to a series, as long as an explorer shows it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from functools import cache
from typing import Protocol

from induction_explorer.channel.worker import SHARED

#: Seconds between two looks.
LOOK_EVERY = 1.0


class Followed(Protocol):
    @property
    def is_watched(self) -> bool:
        """Whether an explorer shows it. Asked with SHARED."""

    def look(self) -> None:
        """See what was added since, and tell those who show it."""

    def rest(self) -> None:
        """Nobody looks any more, until it is followed again. Called with SHARED."""


def follow(session: Followed) -> None:
    """Begin, on a thread that keeps nobody alive."""
    thread = threading.Thread(
        target=_look_now_and_then,
        args=(weakref.ref(session),),
        name="induction-follow",
        daemon=True,
    )
    _following.add(thread)
    _stop_in_time()
    thread.start()


#: Threads that look; and whether they are to end, as the process does.
_following: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
_ending = threading.Event()


@cache
def _stop_in_time() -> None:
    """Files are read by a pool of threads, which refuses work once the process ends: with a
    traceback for each file, if a look is not through. What was registered last is called first.
    """
    threading._register_atexit(_stop)  # type: ignore[attr-defined]  # noqa: SLF001 - atexit is late


def _stop() -> None:
    _ending.set()
    for thread in list(_following):
        thread.join()


def _look_now_and_then(
    found: Callable[[], Followed | None], wait: Callable[[float], object] | None = None
) -> None:
    pause = wait or _ending.wait
    while True:
        pause(LOOK_EVERY)
        session = found()
        if session is None or _ending.is_set():
            return
        with SHARED:
            if not session.is_watched:
                session.rest()
                return
        session.look()
        del session  # nobody is kept while this waits
