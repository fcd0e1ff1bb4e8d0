"""What training watches: losses, and attention to the right token.

The same quantities as induction_kernels' own, on the bare NativeModel that is being trained: no
hooks of a bridge, no tokenizer, nothing to convert.
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, scaled_dot_product_attention
from transformer_lens.model_bridge.sources.native import NativeModel


def logits(
    model: NativeModel, tokens: Int[Tensor, "batch pos"]
) -> Float[Tensor, "batch pos vocab"]:
    """What `model(tokens)` returns, with fused attention: training takes half the time."""
    residual = model.tok_embed(tokens) + model.pos.weight[: tokens.shape[1]]
    for layer in model.layers:
        attention, normed = layer.attn, layer.ln1(residual)
        heads = attention.n_heads
        query, key, value = (
            rearrange(
                project(normed), "batch pos (head d_head) -> batch head pos d_head", head=heads
            )
            for project in (attention.q, attention.k, attention.v)
        )
        mixed = scaled_dot_product_attention(query, key, value, is_causal=True)
        joined = rearrange(mixed, "batch head pos d_head -> batch pos (head d_head)")
        residual = residual + attention.o(joined)
    logits: Tensor = model.head(model.ln_out(residual))
    return logits


def token_losses(
    model: NativeModel, rows: Int[Tensor, "batch pos"]
) -> Float[Tensor, "batch pos-1"]:
    """Loss of predicting token i + 1 at position i, in nats."""
    predicted, targets = logits(model, rows[:, :-1]), rows[:, 1:]
    losses = cross_entropy(predicted.flatten(0, 1), targets.flatten(), reduction="none")
    return losses.view(targets.shape)


@torch.no_grad()
def induction_scores(
    model: NativeModel, probe: Int[Tensor, "batch pos"]
) -> Float[Tensor, "layer head"]:
    """Mean attention from the second copy to the token after the same token in the first copy:
    A[q, q - period + 1] over the queries q of the second copy (Olsson et al. 2022)."""
    patterns: list[Tensor] = []
    hooks = [
        layer.attn.register_forward_hook(lambda _module, _inputs, out: patterns.append(out[1]))
        for layer in model.layers
    ]
    model(probe)
    for hook in hooks:
        hook.remove()
    period = (probe.shape[1] - 1) // 2
    query = torch.arange(period + 1, 2 * period + 1)
    return torch.stack(patterns)[..., query, query - period + 1].mean(dim=(1, 3))


@torch.no_grad()
def heldout_losses(
    model: NativeModel, rows: Int[Tensor, "batch pos"]
) -> Float[Tensor, "batch pos-1"]:
    return torch.cat([token_losses(model, some) for some in rows.split(64)])
