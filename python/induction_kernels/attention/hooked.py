"""Every layer's attention, handed to a visitor as the forward pass makes it, then forgotten.

Three ways in, chosen by the model: TransformerLens hooks; Transformers' attention interface, where
what a model hands over gives its own logits; its own eager attention where it does not. None
changes the model: hooks are gone and the attention implementation is put back when
`visit_attention` returns.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from induction_kernels.attention.agreement import agreement_of, require_agreement
from induction_kernels.attention.interface import attending
from induction_kernels.attention.kernels import Softmax
from induction_kernels.attention.own import run_own
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.errors import UnsupportedModelError
from induction_kernels.models.model import Model

# Called with the layer, its pattern [batch, head, query, key] and, when asked for, the scores
# before the softmax, of the same shape: -∞ where they are masked.
Visitor = Callable[[int, Tensor, Tensor | None], None]


def visit_attention(
    model: Model, tokens: Int[Tensor, "batch pos"], visit: Visitor, *, scores: bool = False
) -> Float[Tensor, "batch pos d_vocab"]:
    """Run the model on `tokens`, show each layer's attention to `visit`, return the logits."""
    tokens = tokens.to(model.device)
    with model.evaluating():
        if model.kind == "transformer_lens":
            return _visit_by_hooks(model, tokens, visit, scores)
        return _visit_hugging_face(model, tokens, visit, scores)


def only_patterns(model: Model) -> str | None:
    """Why a model's scores before the softmax cannot be read, though its patterns can."""
    if model.kind == "hugging_face":
        try:
            with model.evaluating():
                require_agreement(model.module)
        except DoesNotFitError as error:
            return (
                f"{model.name} shows its patterns but not the scores before the softmax: {error}."
            )
    return None


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


# --- Hugging Face --------------------------------------------------------------------------------


def _visit_hugging_face(model: Model, tokens: Tensor, visit: Visitor, scores: bool) -> Tensor:
    """By the queries and keys that the model hands over; if that is not all, by its own attention.

    Its own gives patterns and no scores.
    """
    why = only_patterns(model)
    if why is not None:
        if scores:
            raise UnsupportedModelError(why, "Ask for scores without _logit, which read patterns.")
        wrong = agreement_of(model.module).shown
        if wrong is not None:
            raise UnsupportedModelError(f"{wrong}.", "Its patterns cannot be trusted.")
        return run_own(model.module, tokens, lambda layer, pattern: visit(layer, pattern, None))

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> Tensor:
        pattern, s = _written_out(q, k, softmax)
        visit(layer, pattern, s if scores else None)
        v = v.repeat_interleave(q.shape[1] // v.shape[1], dim=1)
        return pattern.to(v.dtype) @ v

    with attending(model.module, attend):
        return model.module(input_ids=tokens, use_cache=False).logits


def _written_out(q: Tensor, k: Tensor, softmax: Softmax) -> tuple[Tensor, Tensor]:
    """The pattern, float32, and the scores before the softmax."""
    s = softmax.scores(q @ k.repeat_interleave(q.shape[1] // k.shape[1], dim=1).mT, softmax.bias)
    allowed = softmax.allowed
    if allowed is None:
        allowed = torch.ones_like(s[0, 0], dtype=torch.bool).tril()
    s = s.masked_fill(~allowed, -math.inf)
    if softmax.sinks is None:
        return s.softmax(-1, dtype=torch.float32), s
    sinks = softmax.sinks[..., None].to(s.dtype).expand(*s.shape[:3], 1)
    return torch.cat([s, sinks], -1).softmax(-1, dtype=torch.float32)[..., :-1], s
