"""Which layer a part of a Hugging Face model belongs to."""

from __future__ import annotations

import re

from torch import nn


def layer_of(part: nn.Module, name: str) -> int | None:
    """The layer that a part says it is, or that its name does: model.layers.3.attn."""
    own = getattr(part, "layer_idx", None)
    if isinstance(own, int) and own >= 0:  # -1 where weights are shared
        return own
    in_name = re.search(r"\.(\d+)\.", f"{name}.")
    return None if in_name is None else int(in_name[1])


def layer_within(model: nn.Module, part: nn.Module) -> int | None:
    """The same of a part whose name is not known."""
    layer = layer_of(part, "")
    if layer is not None:
        return layer
    return next((layer_of(part, name) for name, one in model.named_modules() if one is part), None)
