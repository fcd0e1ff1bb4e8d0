"""Copies of a model that have nothing to do with it any more."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from induction_kernels.errors import InductionError

# How PyTorch says it of the main memory, where it has no error of its own.
_NO_MEMORY = ("out of memory", "not enough memory", "t allocate memory")


@contextmanager
def in_memory(name: str) -> Iterator[None]:
    """For making another model of this name.

    Raises:
        InductionError: it does not fit.
    """
    reason = ""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        said = (str(error).splitlines() or [""])[0]
        if not isinstance(error, MemoryError) and not any(words in said for words in _NO_MEMORY):
            raise
        # Its frames hold what was made so far, which is freed once it is gone: not in here.
        reason = said or "MemoryError"
    if reason:
        raise InductionError(
            f"There is no memory for another {name}, and explorers and series work on one of "
            f"their own ({reason}).",
            "Free memory, use a smaller dtype, or begin where there is more: model.to('cpu').",
        )


def copied(module: nn.Module, instead: Mapping[int, Tensor] | None = None) -> nn.Module:
    """A copy that shares nothing with `module`, and can be made after a training step too.

    Args:
        instead: what stands in the copy for some tensors, by their id; these are not copied.
    """
    # What a forward pass with gradients left behind, such as a bridge's last attention pattern:
    # PyTorch refuses to copy a tensor that has a history.
    left = {
        id(value): value.detach()
        for part in module.modules()
        for value in vars(part).values()
        if isinstance(value, Tensor) and not value.is_leaf
    }
    made = copy.deepcopy(module, left | dict(instead or {}))
    for part in made.modules():
        _rewire(part)
    return made


def _rewire(part: Any) -> None:
    """Let a bridge's block hook its own attention: copied hooks write into the model they are from,
    and fail once it is gone. The next forward pass sets them anew."""
    if hasattr(part, "_teardown_capture_hooks"):
        part._teardown_capture_hooks()
