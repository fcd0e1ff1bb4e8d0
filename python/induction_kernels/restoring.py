"""What a pass changes of a model that is not ours, put back whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch.utils.hooks import RemovableHandle


@contextmanager
def restoring(put_back: Callable[[], None]) -> Iterator[None]:
    """After this context `put_back` has run: twice, for an interrupt may end the first time.

    So it must not matter to it how much was changed, and how much is back already.
    """
    try:
        try:
            yield
        finally:
            put_back()
    finally:
        put_back()


@contextmanager
def without_gradients() -> Iterator[None]:
    """torch.no_grad(), which an interrupt on its way out would leave on for good."""
    if not torch.is_grad_enabled():
        yield
        return
    with restoring(partial(torch.set_grad_enabled, True)):
        torch.set_grad_enabled(False)
        yield


def remove(hooks: list[RemovableHandle]) -> None:
    for hook in hooks:
        hook.remove()
