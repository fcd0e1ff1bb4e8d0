"""Attention-only transformers as TransformerLens' NativeModel has them, under the same names of
weights, but without TransformerLens, which takes three times as long to import as PyTorch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeGuard

from torch import nn

from induction_kernels.models.known import name_of
from induction_kernels.models.model import Model


@dataclass(frozen=True)
class Shape:
    """In TransformerLens' names.

    Attributes:
        eps: of every LayerNorm.
    """

    n_layers: int
    n_heads: int
    d_head: int
    d_model: int
    n_ctx: int
    d_vocab: int
    eps: float


class AttentionOnly(nn.Module):
    """The weights; `attention/native.py` has the pass."""

    output_logits_soft_cap = 0.0

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.tok_embed = nn.Embedding(shape.d_vocab, shape.d_model)
        self.pos = nn.Embedding(shape.n_ctx, shape.d_model)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.n_layers))
        self.ln_out = nn.LayerNorm(shape.d_model, shape.eps)
        self.head = nn.Linear(shape.d_model, shape.d_vocab, bias=False)


class Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.ln1 = nn.LayerNorm(shape.d_model, shape.eps)
        self.attn = Attention(shape)


class Attention(nn.Module):
    causal = True
    rotary = None
    attn_scores_soft_cap = 0.0

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.d_head = shape.d_head
        self.scale = math.sqrt(shape.d_head)
        width = shape.n_heads * shape.d_head
        self.q, self.k, self.v = (nn.Linear(shape.d_model, width) for _ in range(3))
        self.o = nn.Linear(width, shape.d_model)


def is_attention_only(module: object) -> TypeGuard[AttentionOnly]:
    return isinstance(module, AttentionOnly)


def of_attention_only(module: AttentionOnly, tokenizer: Any | None, name: str | None) -> Model:
    shape = module.shape
    return Model(
        module=module,
        kind="attention_only",
        tokenizer=tokenizer,
        name=name_of(module, name),
        n_layers=shape.n_layers,
        n_heads=shape.n_heads,
        n_ctx=shape.n_ctx,
        d_vocab=shape.d_vocab,
        weights="raw",
    )
