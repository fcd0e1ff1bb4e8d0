"""Hooks and functions by which a model's user makes it compute something else."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import Any

from torch import nn

# They hook their own modules to hand out what passes through them, and change nothing.
_LIBRARIES = {"torch", "transformers", "transformer_lens", "accelerate"}


def is_hooked(module: nn.Module) -> bool:
    """Whether a forward pass meets a hook, or a `forward` set on one module, that is none of the
    libraries' own."""
    return any(
        getattr(part, "fwd_hooks", None)  # of TransformerLens, which wraps the user's functions
        or not all(
            of_a_library(hook)
            for hook in chain(
                part._forward_hooks.values(),
                part._forward_pre_hooks.values(),
                [vars(part)["forward"]] if "forward" in vars(part) else [],
            )
        )
        for part in module.modules()
    )


def without_hooks(module: nn.Module) -> nn.Module:
    """The same module, rid of every hook that is none of the libraries' own: on a copy, they would
    still tell their user of it."""
    for part in module.modules():
        for hooks in (part._forward_hooks, part._forward_pre_hooks):
            for number in [n for n, hook in hooks.items() if not of_a_library(hook)]:
                del hooks[number]
    return module


def of_a_library(hook: Any) -> bool:
    while isinstance(hook, partial):
        hook = hook.func
    return (getattr(hook, "__module__", None) or "").partition(".")[0] in _LIBRARIES
