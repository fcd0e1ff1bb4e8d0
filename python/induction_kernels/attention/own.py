"""A Hugging Face model's own attention, written out as its authors did, watched from outside.

It knows nothing of how a model computes attention, so it holds for every model that shows its
patterns at all: the modules of a layer return them beside their output. It is what faster ways are
compared with.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from induction_kernels.attention.installed import installed
from induction_kernels.attention.layers import layer_of
from induction_kernels.errors import UnsupportedModelError
from induction_kernels.restoring import remove, restoring

Visitor = Callable[[int, Tensor], None]


def run_own(
    module: Any, tokens: Int[Tensor, "batch pos"], visit: Visitor
) -> Float[Tensor, "batch pos d_vocab"]:
    """The model's logits by its eager attention; `visit` sees each layer's pattern.

    Raises:
        UnsupportedModelError: a layer that attends several times in a pass, or to more positions
            than there are tokens.
    """
    watcher = _Watcher(type(module).__name__, tokens.shape[1], visit)
    handles: list[Any] = []
    # Newer models would keep hooks of their own from then on, and return patterns without it.
    asked = {} if _records(module) else {"output_attentions": True}
    with restoring(lambda: remove(handles)), installed(module, "eager"):
        for name, part in module.named_modules():
            layer = layer_of(part, name)
            if layer is not None:
                handles.append(part.register_forward_hook(partial(watcher.see, layer)))
        logits: Tensor = module(input_ids=tokens, use_cache=False, **asked).logits
    return logits


def _records(module: nn.Module) -> bool:
    return any(getattr(part, "_can_record_outputs", None) for part in module.modules())


class _Watcher:
    """Tells patterns among what parts of a model return."""

    def __init__(self, name: str, n: int, visit: Visitor) -> None:
        self._name, self._n, self._visit = name, n, visit
        self._layers: set[int] = set()
        self._last: Tensor | None = None

    def see(self, layer: int, _part: nn.Module, _inputs: Any, output: Any) -> None:
        for value in output if isinstance(output, tuple | list) else ():
            # A block hands on what its attention returned.
            if self._is_pattern(value) and value is not self._last:
                self._last = value
                self._show(layer, value)

    def _show(self, layer: int, pattern: Tensor) -> None:
        if layer in self._layers:
            raise UnsupportedModelError(
                f"{self._name} attends more than once in layer {layer}, so its heads have no one "
                "pattern.",
                "Pass a model whose layers run once.",
            )
        if pattern.shape[-2:] != (self._n, self._n):
            raise UnsupportedModelError(
                f"Layer {layer} of {self._name} attends to {pattern.shape[-1]} positions where "
                f"there are {self._n} tokens.",
                "Only attention of tokens to tokens can be shown.",
            )
        self._layers.add(layer)
        self._visit(layer, pattern)

    def _is_pattern(self, value: Any) -> bool:
        """A square, or rows of shares that are longer than the tokens are many."""
        if not isinstance(value, Tensor) or value.ndim != 4 or not value.is_floating_point():
            return False
        rows, keys = value.shape[-2:]
        if rows == keys == self._n:
            return True
        shares = rows >= self._n and keys > self._n
        return shares and bool((value >= 0).all() and (value.sum(-1) < 1.01).all())
