"""Every layer's attention, handed to a visitor as the forward pass makes it, then forgotten.

Two ways in, chosen by the model: TransformerLens hooks, and Transformers' attention interface
(a function that receives the query, key and mask of any model written on it). Neither changes the
model: hooks are gone and the attention implementation is put back when `visit_attention` returns.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from induction_kernels.errors import UnsupportedModelError
from induction_kernels.models import Model

# Called with the layer, its pattern [batch, head, query, key] and, when asked for, the scores
# before mask and softmax, of the same shape (cells above the diagonal are not meaningful).
Visitor = Callable[[int, Tensor, Tensor | None], None]


def visit_attention(
    model: Model, tokens: Int[Tensor, "batch pos"], visit: Visitor, *, scores: bool = False
) -> Float[Tensor, "batch pos d_vocab"]:
    """Run the model on `tokens`, show each layer's attention to `visit`, return the logits."""
    tokens = tokens.to(model.device)
    with model.evaluating():
        if model.kind == "transformer_lens":
            return _visit_by_hooks(model, tokens, visit, scores)
        return _visit_by_interface(model, tokens, visit, scores)


# --- TransformerLens -------------------------------------------------------------------------


def _visit_by_hooks(model: Model, tokens: Tensor, visit: Visitor, scores: bool) -> Tensor:
    hooks: list[tuple[str, Callable[..., None]]] = []
    for layer in range(model.n_layers):
        hooks += _layer_hooks(model, layer, visit, scores)
    logits = model.module.run_with_hooks(tokens, fwd_hooks=hooks)
    # A bridge over a Hugging Face model may return that model's output object.
    return logits if isinstance(logits, Tensor) else logits.logits


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
    original: Any = getattr(bridge, "original_model", None)
    if type(original).__name__ != "NativeModel":
        return None
    attention = original.layers[layer].attn
    return getattr(attention, "original_component", None) or attention


def _native_scores(attention: Any, q: Tensor, k: Tensor) -> Tensor:
    """NativeAttention's own arithmetic up to the mask; q, k are [batch, pos, heads * d_head]."""
    q, k = (x.reshape(*x.shape[:2], -1, attention.d_head).transpose(1, 2) for x in (q, k))
    if attention.rotary is not None:
        q, k = attention.rotary.apply_rope(q, k)
    k = k.repeat_interleave(q.shape[1] // k.shape[1], dim=1)
    scores = q @ k.transpose(-2, -1) / attention.scale
    cap = attention.attn_scores_soft_cap
    return cap * torch.tanh(scores / cap) if cap > 0 else scores


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


# --- Transformers' attention interface ----------------------------------------------------------

_INTERFACE = "induction_kernels"
_current = threading.local()


def _visit_by_interface(model: Model, tokens: Tensor, visit: Visitor, scores: bool) -> Tensor:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    AttentionInterface.register(_INTERFACE, _attend)
    AttentionMaskInterface.register(_INTERFACE, eager_mask)
    module: Any = model.module
    before = module.config._attn_implementation
    _current.visit = lambda layer, pattern, s: visit(layer, pattern, s if scores else None)
    _current.seen = 0
    try:
        module.set_attn_implementation(_INTERFACE)
        logits = module(input_ids=tokens, use_cache=False).logits
    finally:
        module.set_attn_implementation(before)
        del _current.visit
    if not _current.seen:
        raise UnsupportedModelError(
            f"{model.name} ({type(module).__name__}) does not use Transformers' attention "
            "interface, so its patterns cannot be read.",
            "Wrap it in a TransformerBridge and pass that.",
        )
    return logits


def _attend(
    module: nn.Module,
    query: Float[Tensor, "batch head query d_head"],
    key: Float[Tensor, "batch kv_head key d_head"],
    value: Float[Tensor, "batch kv_head key d_head"],
    attention_mask: Float[Tensor, "batch 1 query key"] | None,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, Tensor]:
    """Attention written out, with a look at the pattern on the way."""
    if s_aux is not None:
        raise UnsupportedModelError(
            f"{type(module).__name__} has learned attention sinks, so its rows do not sum to 1.",
            "Models with sinks are not supported.",
        )
    group = query.shape[1] // key.shape[1]
    key, value = (x.repeat_interleave(group, dim=1) for x in (key, value))
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = query @ key.transpose(-2, -1) * scale
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    masked = scores if attention_mask is None else scores + attention_mask
    pattern = masked.softmax(-1, dtype=torch.float32)
    _current.seen += 1
    _current.visit(module.layer_idx, pattern, scores)
    return (pattern.to(value.dtype) @ value).transpose(1, 2).contiguous(), pattern
