"""A Hugging Face model's own attention, written out as its authors did, watched from outside.

It knows nothing of how a model computes attention, so it holds for every model that can show its
patterns at all: the modules of a layer return them beside their output. It is what the faster ways
are compared with.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from induction_kernels.attention.interface import implementation

Visitor = Callable[[int, Tensor], None]


def run_own(
    module: Any, tokens: Int[Tensor, "batch pos"], visit: Visitor | None = None
) -> Float[Tensor, "batch pos d_vocab"]:
    """The model's logits by its eager attention; `visit` sees each layer's pattern."""
    handles = []
    if visit is not None:
        seen: dict[int, Tensor] = {}
        for name, part in module.named_modules():
            layer = re.search(r"\.(\d+)\.", f"{name}.")
            if layer is not None:
                hook = _watch(int(layer[1]), tokens.shape[1], visit, seen)
                handles.append(part.register_forward_hook(hook))
    # Newer models would keep hooks of their own from then on, and return patterns without it.
    asked = {} if _records(module) else {"output_attentions": True}
    try:
        with implementation(module, "eager"):
            return module(input_ids=tokens, use_cache=False, **asked).logits
    finally:
        for handle in handles:
            handle.remove()


def _records(module: nn.Module) -> bool:
    return any(getattr(part, "_can_record_outputs", None) for part in module.modules())


def _watch(layer: int, n: int, visit: Visitor, seen: dict[int, Tensor]) -> Any:
    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        for value in output if isinstance(output, tuple) else ():
            # A block hands on what its attention returned.
            if _is_pattern(value, n) and seen.get(layer) is not value:
                seen[layer] = value
                visit(layer, value)

    return hook


def _is_pattern(value: Any, n: int) -> bool:
    return (
        isinstance(value, Tensor)
        and value.ndim == 4
        and value.shape[-2:] == (n, n)
        and value.is_floating_point()
    )
