"""What a pass changes of a model that is not ours, put back whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, TypeVar

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

T = TypeVar("T")


@contextmanager
def restoring(put_back: Callable[[], object]) -> Iterator[None]:
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
    with restoring(partial(torch.set_grad_enabled, mode=True)):
        torch.set_grad_enabled(mode=False)
        yield


@contextmanager
def gradients_as_before() -> Iterator[None]:
    """After this context gradients are on or off as they were, whoever turned them on in it; in it
    there is no inference mode, whose tensors cannot be differentiated.

    To be entered first: where an interrupt keeps a context from being left at once, it is left
    last, and must not put back what was only so within another.
    """
    before = torch.is_grad_enabled()
    outside = torch.inference_mode(mode=False) if torch.is_inference_mode_enabled() else None
    with outside or nullcontext(), restoring(partial(torch.set_grad_enabled, mode=before)):
        yield


@contextmanager
def own_forwards(parts: Sequence[nn.Module]) -> Iterator[None]:
    """After this context each part's forward is its own, whatever was put in its place."""
    # Some have one that is not of their class, such as accelerate's.
    own = [(part, vars(part).get("forward")) for part in parts]
    with restoring(partial(_give_back, own)):
        yield


def _give_back(forwards: list[tuple[nn.Module, Any]]) -> None:
    for part, forward in forwards:
        vars(part).pop("forward", None)
        if forward is not None:
            part.forward = forward


def remove(hooks: list[RemovableHandle]) -> None:
    for hook in hooks:
        hook.remove()


def shapes_only(make: Callable[[], T]) -> T:
    """What `make` makes where new tensors have a shape and no values.

    On a thread of its own: PyTorch's default device is a thread's, and an interrupt on the way out
    would leave it on this one for good. So is inference mode, whose tensors no others may be mixed
    with: it goes on there.
    """
    inference = torch.is_inference_mode_enabled()

    def without_values() -> T:
        with torch.inference_mode(inference), torch.no_grad(), torch.device("meta"):
            return make()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(without_values).result()
