"""What a model computes with its weights, as far as it shows from outside."""

from __future__ import annotations

from collections.abc import Hashable

from torch import nn

from induction_kernels.checkpoints.configuration import essence


def structure_of(module: nn.Module) -> Hashable:
    """The kinds of its parts, what they say of themselves (sizes, an epsilon), and what of its
    configuration decides a forward pass: another one where its user put something else in."""
    parts = tuple((name, type(part), part.extra_repr()) for name, part in module.named_modules())
    config = getattr(module, "config", None)
    return parts, essence(config) if hasattr(config, "to_dict") else None
