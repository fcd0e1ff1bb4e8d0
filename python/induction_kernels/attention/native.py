"""The forward pass of TransformerLens' native models, and of our own that are put together alike,
with attention done by whoever asks."""

from __future__ import annotations

from functools import partial
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.interface import Attend
from induction_kernels.attention.kernels import Softmax
from induction_kernels.attention.trunk import Trunk
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.attention.way import Fused
from induction_kernels.models.bridges import bare
from induction_kernels.models.outputs import Output, capped


def run_native(
    native: Any, tokens: Int[Tensor, "batch pos"], attend: Attend, trunk: Trunk | None = None
) -> Output:
    """NativeModel.forward, up to the unembedding; from the trunk's first layer on.

    Raises:
        DoesNotFitError: attention in both directions.
    """
    residual = _embed(native, tokens)
    for layer, wrapped in enumerate(native.layers):
        if trunk is not None:
            if layer < trunk.start:
                continue
            residual = trunk.enter(layer, residual)
        residual = _run_block(bare(wrapped), layer, residual, attend)
    head, cap = bare(native.head), native.output_logits_soft_cap
    cap = cap if cap > 0 else None
    return Output(bare(native.ln_out)(residual), lambda rows: capped(head(rows), cap), cap)


def fused_native(native: Any) -> Fused:
    return Fused(partial(run_native, native), partial(_run_body, native), by_residual=True)


def _run_body(native: Any, tokens: Int[Tensor, "batch pos"], attend: Attend) -> None:
    """Up to the last layer's pattern, which its values have no part in."""
    *blocks, last = (bare(wrapped) for wrapped in native.layers)
    residual = _embed(native, tokens)
    for layer, block in enumerate(blocks):
        residual = _run_block(block, layer, residual, attend)
    q, k, softmax = _scored(bare(last.attn), bare(last.ln1)(residual))
    attend(len(blocks), q, k, k, softmax)  # whatever it gives goes nowhere


def _embed(native: Any, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos d_model"]:
    residual: Tensor = bare(native.tok_embed)(tokens)
    if native.pos is not None:
        residual = residual + bare(native.pos).weight[: tokens.shape[1]]
    return residual


def _run_block(
    block: Any, layer: int, residual: Float[Tensor, "batch pos d_model"], attend: Attend
) -> Float[Tensor, "batch pos d_model"]:
    attention, normal = bare(block.attn), bare(block.ln1)(residual)
    q, k, softmax = _scored(attention, normal)
    v = _by_head(attention, attention.v, normal)
    out = attend(layer, q, k, v, softmax)
    residual = residual + bare(attention.o)(out.transpose(1, 2).flatten(2))
    if hasattr(block, "mlp"):
        residual = residual + block.mlp(bare(block.ln2)(residual))
    return residual


def _scored(
    attention: Any, normal: Float[Tensor, "batch pos d_model"]
) -> tuple[
    Float[Tensor, "batch head pos d_head"], Float[Tensor, "batch kv_head pos d_head"], Softmax
]:
    """Queries, keys and how they become a pattern.

    Raises:
        DoesNotFitError: attention in both directions.
    """
    if not attention.causal:
        raise DoesNotFitError("it attends in both directions")
    q, k = (_by_head(attention, project, normal) for project in (attention.q, attention.k))
    if attention.rotary is not None:
        q, k = attention.rotary.apply_rope(q, k)
    cap = attention.attn_scores_soft_cap
    return q, k, Softmax(1 / attention.scale, cap=cap if cap > 0 else None)


def _by_head(
    attention: Any, project: Any, normal: Float[Tensor, "batch pos d_model"]
) -> Float[Tensor, "batch head pos d_head"]:
    made: Tensor = bare(project)(normal).unflatten(-1, (-1, attention.d_head))
    return made.transpose(1, 2)
