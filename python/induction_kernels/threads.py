"""One thread at a time runs a model: a pass sets what another would find, and puts back."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from torch import nn

from induction_kernels.errors import InductionError
from induction_kernels.restoring import restoring

# Nobody waits: a lock that an interrupt leaves closed would be waited for without end.
_running: weakref.WeakKeyDictionary[nn.Module, threading.Thread] = weakref.WeakKeyDictionary()


@contextmanager
def by_one_thread(module: nn.Module, name: str) -> Iterator[None]:
    """In this context, which may be entered again on the same thread, no other thread enters it.

    Raises:
        InductionError: another thread is in it.
    """
    me, outer = threading.current_thread(), _running.get(module)
    if outer is not None and not outer.is_alive():
        _running.pop(module, None)

    with restoring(partial(_leave, module, me, outer)):
        if _running.setdefault(module, me) is not me:
            raise InductionError(
                f"{name} is being run on another thread.",
                "Run it again when that is done, or give each thread a model of its own: "
                "copy.deepcopy(model).",
            )
        yield


def _leave(module: nn.Module, me: threading.Thread, outer: threading.Thread | None) -> None:
    if outer is not me and _running.get(module) is me:
        _running.pop(module, None)
