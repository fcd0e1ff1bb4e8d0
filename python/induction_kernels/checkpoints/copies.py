"""Copies of a model that have nothing to do with it any more."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


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
