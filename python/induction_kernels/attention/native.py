"""The forward pass of TransformerLens' native models, and of our own that are put together alike,
with attention done by whoever asks."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.interface import Attend
from induction_kernels.attention.kernels import Softmax
from induction_kernels.attention.trunk import Trunk
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.attention.way import Fused
from induction_kernels.models.bridges import bare
from induction_kernels.models.outputs import Output


def run_native(
    native: Any, tokens: Int[Tensor, "batch pos"], attend: Attend, trunk: Trunk | None = None
) -> Output:
    """NativeModel.forward, up to the unembedding; from the trunk's first layer on.

    Raises:
        DoesNotFitError: attention in both directions.
    """
    residual = bare(native.tok_embed)(tokens)
    if native.pos is not None:
        residual = residual + bare(native.pos).weight[: tokens.shape[1]]
    for layer, wrapped in enumerate(native.layers):
        if trunk is not None:
            if layer < trunk.start:
                continue
            residual = trunk.enter(layer, residual)
        residual = _run_block(bare(wrapped), layer, residual, attend)
    head, cap = bare(native.head), native.output_logits_soft_cap

    def unembed(rows: Tensor) -> Tensor:
        logits: Tensor = head(rows)
        return cap * torch.tanh(logits / cap) if cap > 0 else logits

    return Output(bare(native.ln_out)(residual), unembed)


def fused_native(native: Any) -> Fused:
    def body(tokens: Int[Tensor, "batch pos"], attend: Attend) -> None:
        run_native(native, tokens, attend)  # what it ends in is unembedded once it is asked for

    return Fused(partial(run_native, native), body, by_residual=True)


def _run_block(
    block: Any, layer: int, residual: Float[Tensor, "batch pos d_model"], attend: Attend
) -> Float[Tensor, "batch pos d_model"]:
    attention = bare(block.attn)
    if not attention.causal:
        raise DoesNotFitError("it attends in both directions")
    normal = bare(block.ln1)(residual)
    q, k, v = (
        bare(project)(normal).unflatten(-1, (-1, attention.d_head)).transpose(1, 2)
        for project in (attention.q, attention.k, attention.v)
    )
    if attention.rotary is not None:
        q, k = attention.rotary.apply_rope(q, k)
    cap = attention.attn_scores_soft_cap
    out = attend(layer, q, k, v, Softmax(1 / attention.scale, cap=cap if cap > 0 else None))
    residual = residual + bare(attention.o)(out.transpose(1, 2).flatten(2))
    if hasattr(block, "mlp"):
        residual = residual + block.mlp(bare(block.ln2)(residual))
    return residual
