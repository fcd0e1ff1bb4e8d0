"""The attention of TransformerLens' models, by their hooks or, of a bridge, by what it wraps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from induction_kernels.attention.hugging_face import fused_by_interface
from induction_kernels.attention.kernels import attend_plainly, for_every_head
from induction_kernels.attention.native import fused_native
from induction_kernels.attention.unbridged import unbridged
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.attention.way import Fused, Visitor
from induction_kernels.errors import UnsupportedModelError
from induction_kernels.models.bridges import bare, is_native, wrapped_by
from induction_kernels.models.model import Model
from induction_kernels.models.outputs import Output


class OfTransformerLens:
    def __init__(self, model: Model) -> None:
        self._module: Any = model.module
        self._model = model

    def visit(self, tokens: Tensor, visit: Visitor, scores: bool) -> Tensor:
        hooks: list[tuple[str, Callable[..., None]]] = []
        for layer in range(self._model.n_layers):
            hooks += _layer_hooks(self._model, layer, visit, scores)
        logits = self._module.run_with_hooks(tokens, fwd_hooks=hooks)
        # A bridge over a Hugging Face model may return that model's output object.
        return logits if isinstance(logits, Tensor) else logits.logits

    def fused(self) -> Fused:
        wrapped = wrapped_by(self._module)
        if wrapped is None:
            raise DoesNotFitError("a HookedTransformer computes its attention itself")
        if self._model.weights == "folded":
            raise DoesNotFitError("compatibility mode changed the weights")
        if any(point.fwd_hooks for point in self._module.hook_dict.values()):
            raise DoesNotFitError("the bridge has hooks, which only its own forward pass runs")
        if is_native(wrapped):
            return fused_native(wrapped)
        return fused_by_interface(unbridged(wrapped))

    def run(self, tokens: Tensor) -> Output:
        try:
            return self.fused().run(tokens, attend_plainly, None)
        except DoesNotFitError:
            return Output.of_logits(self.visit(tokens, lambda *_: None, scores=False))

    def only_patterns(self) -> None:
        return None

    def kinds_of_layers(self) -> list[str]:
        return ["full_attention"] * self._model.n_layers

    def said_key_heads(self) -> int:
        return int(getattr(self._module.cfg, "n_key_value_heads", None) or self._model.n_heads)

    def has_sinks(self) -> bool:
        return False


def _layer_hooks(model: Model, layer: int, visit: Visitor, scores: bool) -> list[Any]:
    prefix = f"blocks.{layer}.attn"
    if not scores:
        return [(f"{prefix}.hook_pattern", lambda pattern, hook: visit(layer, pattern, None))]

    native = _native_attention(model.module, layer)
    seen: dict[str, Tensor] = {}

    def remember(name: str) -> Callable[..., None]:
        def hook_fn(value: Tensor, hook: Any) -> None:
            seen[name] = value

        return hook_fn

    def show(pattern: Tensor, hook: Any) -> None:
        if native is not None:
            pre_softmax = _native_scores(native, seen.pop("q"), seen.pop("k"))
        else:
            pre_softmax = seen.pop("scores")
        pre_softmax = _masked(pre_softmax)
        _check_scores(model, layer, pre_softmax, pattern)
        visit(layer, pattern, pre_softmax)

    if native is not None:
        sources = [(f"{prefix}.q.hook_out", remember("q")), (f"{prefix}.k.hook_out", remember("k"))]
    else:
        sources = [(f"{prefix}.hook_attn_scores", remember("scores"))]
    return [*sources, (f"{prefix}.hook_pattern", show)]


def _native_attention(bridge: nn.Module, layer: int) -> Any | None:
    """The attention module of a `boot_native` bridge, else None.

    There, TransformerLens 4.3 fires hook_attn_scores after the fact with the pattern, not with the
    scores before the softmax; they have to be made again from queries and keys.
    """
    wrapped = wrapped_by(bridge)
    return bare(wrapped.layers[layer].attn) if wrapped is not None and is_native(wrapped) else None


def _native_scores(attention: Any, q: Tensor, k: Tensor) -> Tensor:
    """NativeAttention's own arithmetic up to the mask; q, k are [batch, pos, heads * d_head]."""
    q, k = (x.reshape(*x.shape[:2], -1, attention.d_head).transpose(1, 2) for x in (q, k))
    if attention.rotary is not None:
        q, k = attention.rotary.apply_rope(q, k)
    k = for_every_head(k, q.shape[1])
    scores: Tensor = q @ k.mT / attention.scale
    cap: float = attention.attn_scores_soft_cap
    return cap * torch.tanh(scores / cap) if cap > 0 else scores


def _masked(scores: Tensor) -> Tensor:
    """-∞ above the diagonal and where a mask of the lowest numbers was added."""
    n = scores.shape[-1]
    future = torch.ones(n, n, dtype=torch.bool, device=scores.device).triu(1)
    hidden = future | (scores <= torch.finfo(scores.dtype).min / 2)
    return scores.masked_fill(hidden, -math.inf)


def _check_scores(model: Model, layer: int, scores: Tensor, pattern: Tensor) -> None:
    """A softmax over the unmasked scores must be the pattern, or the hook held something else."""
    allowed = pattern > 0
    remade = scores.float().masked_fill(~allowed, -math.inf).softmax(-1)
    off = float((remade - pattern.float()).abs().max())
    if not off <= (1e-4 if pattern.dtype == torch.float32 else 3e-2):
        raise UnsupportedModelError(
            f"hook_attn_scores of layer {layer} in {model.name} does not hold the scores before "
            f"the softmax (its softmax differs from hook_pattern by {off:.3g}).",
            "Ask for the scores without _logit, which read the pattern.",
        )
