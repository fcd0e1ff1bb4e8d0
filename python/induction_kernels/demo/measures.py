"""What training watches: losses, and attention to the right token.

The same quantities as induction_kernels' own, on the bare NativeModel that is being trained: no
hooks of a bridge, no tokenizer, nothing to convert.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, scaled_dot_product_attention
from transformer_lens.model_bridge.sources.native import NativeModel


def logits(
    model: NativeModel, tokens: Int[Tensor, "batch pos"]
) -> Float[Tensor, "batch pos vocab"]:
    """What `model(tokens)` returns, with fused attention: training takes half the time."""
    batch, n_pos = tokens.shape
    residual = model.tok_embed(tokens) + model.pos.weight[:n_pos]
    for layer in model.layers:
        attention, normed = layer.attn, layer.ln1(residual)
        query, key, value = (
            project(normed).view(batch, n_pos, attention.n_heads, -1).transpose(1, 2)
            for project in (attention.q, attention.k, attention.v)
        )
        mixed = scaled_dot_product_attention(query, key, value, is_causal=True)
        residual = residual + attention.o(mixed.transpose(1, 2).flatten(2))
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
