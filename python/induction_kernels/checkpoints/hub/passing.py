"""Files in a cache that stay no longer than somebody reads them.

One that is downloaded to be read once has a mark beside it, from before its first byte is written.
Whoever reads it holds a lock on the mark, and the last to let go removes both. What lay in the
cache before has no mark, and stays. A process that is killed leaves a mark for the next to find.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def passing(
    mark: Path, begin: Callable[[], object], remove: Callable[[], object]
) -> Iterator[None]:
    """Hold a mark.

    Args:
        begin: called first where nobody else holds it.
        remove: called at the end by the last who held it.
    """
    with contextlib.ExitStack() as stack:
        try:
            handle = _held(mark, begin)
        except OSError:  # a cache that cannot be written to, where nothing is downloaded either
            yield
            return
        stack.callback(os.close, handle)
        try:
            yield
        finally:
            if _alone(handle) and _is(handle, mark):
                remove()
                mark.unlink(missing_ok=True)


def _held(mark: Path, begin: Callable[[], object]) -> int:
    """A handle of the mark, locked together with all others who read."""
    while True:
        mark.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(mark, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if _alone(handle) and _is(handle, mark):
                begin()
            _share(handle)
            if _is(handle, mark):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # of a mark that was removed meanwhile


def _is(handle: int, mark: Path) -> bool:
    """Whether a mark is still the one that was opened."""
    try:
        return os.path.samestat(os.fstat(handle), mark.stat())
    except FileNotFoundError:
        return False


def _alone(handle: int) -> bool:
    """Whether nobody else holds it; and from now on nobody can."""
    if os.name == "nt":
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a disk without locks
        return True
    return True


def _share(handle: int) -> None:
    if os.name == "nt":
        return
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_SH)
