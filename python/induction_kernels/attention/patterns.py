"""Whole patterns of chosen heads, and the packed form in which they travel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from induction_kernels.attention.door import as_model
from induction_kernels.attention.fused import run_fused
from induction_kernels.attention.hooked import visit_attention
from induction_kernels.attention.layer_attention import LayerAttention
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.errors import SelectionError
from induction_kernels.inputs.padding import Mask
from induction_kernels.inputs.tokenization import sequence
from induction_kernels.models.model import Model, refuse_without_attention
from induction_kernels.models.outputs import Output


def attention_patterns(
    model: object,
    tokens: str | list[int] | Int[Tensor, "..."],
    heads: Iterable[tuple[int, int]] | None = None,
    *,
    attention_mask: Mask | None = None,
) -> Float[Tensor, "head query key"]:
    """Post-softmax attention of chosen heads on one sequence, float32 on the CPU.

    Args:
        model: anything `as_model` accepts.
        tokens: a text, or ids of shape [pos] or [1, pos]. Text gets the model's BOS in front.
        heads: (layer, head) pairs in the order wanted; None for all, layer by layer. Layers
            without attention, as hybrid models have, have none.
        attention_mask: of ids: 1 where there is a token and 0 where there is padding, which is
            taken away before positions are counted.

    Raises:
        SelectionError: (an IndexError) a head that does not exist.
        PromptError: a sequence the model cannot run.
    """
    model = as_model(model)
    wanted = check_heads(model, heads)
    patterns: dict[tuple[int, int], Tensor] = {}
    run_patterns(
        model, sequence(model, tokens, attention_mask), wanted, patterns.__setitem__, keep_whole
    )
    return torch.stack([patterns[head] for head in wanted])


def check_heads(model: Model, heads: Iterable[tuple[int, int]] | None) -> list[tuple[int, int]]:
    """`heads` as a list of pairs that exist; None means all of them."""
    every = [(la, h) for la in model.attending for h in range(model.n_heads)]
    if heads is None:
        return every
    wanted = [(int(layer), int(head)) for layer, head in heads]
    for layer, head in wanted:
        refuse_without_attention(model, layer)
        if (layer, head) not in every:
            raise SelectionError(
                f"There is no head {head} in layer {layer} of {model.name}.",
                f"Layers go from 0 to {model.n_layers - 1}, heads from 0 to {model.n_heads - 1}.",
            )
    if not wanted:
        raise SelectionError("No heads were given.", "Give pairs (layer, head), or None for all.")
    return wanted


Head = tuple[int, int]
# Makes of one head's rows, given block by block from the top, what is kept of its pattern.
Keep = Callable[[Iterator[Float[Tensor, "row key"]]], Any]

#: Rows of a pattern in memory at a time.
_BLOCK = 512


def run_patterns(
    model: Model,
    tokens: Int[Tensor, "1 pos"],
    heads: list[Head],
    store: Callable[[Head, Any], None],
    keep: Keep,
) -> Output:
    """Run one sequence and `store` what `keep` makes of each wanted head's pattern.

    Only wanted heads are computed, from their own queries and keys, a block of rows at a time;
    models that do not fit that are read whole, layer by layer.
    """

    def of_layer(layer: int) -> list[int]:
        return [head for at, head in heads if at == layer]

    def read(attention: LayerAttention) -> None:
        n = attention.q.shape[2]
        for head in of_layer(attention.layer):
            blocks = (
                attention.rows(head, start, min(start + _BLOCK, n))[0]
                for start in range(0, n, _BLOCK)
            )
            store((attention.layer, head), keep(blocks))

    def visit(layer: int, pattern: Tensor, _scores: Tensor | None) -> None:
        for head in of_layer(layer):
            store((layer, head), keep(iter([pattern[0, head].float()])))

    try:
        return run_fused(model, tokens, read)
    except DoesNotFitError:
        return Output.of_logits(visit_attention(model, tokens, visit))


def keep_whole(blocks: Iterator[Float[Tensor, "row key"]]) -> Float[Tensor, "query key"]:
    """The pattern as it is, float32 on the CPU."""
    rows = [row for block in blocks for row in block.cpu()]
    return torch.stack([nn.functional.pad(row, (0, len(rows) - len(row))) for row in rows])


def keep_packed(blocks: Iterator[Float[Tensor, "row key"]]) -> UInt8[np.ndarray, " cells"]:
    """round(255 a) of the lower triangle, row by row: query 0's one cell, query 1's two, ..."""
    start, packed = 0, []
    for block in blocks:
        n = len(block)
        seen = torch.ones(n, start + n, dtype=torch.bool, device=block.device).tril(start)
        cells = (block * 255).round().clamp(0, 255).to(torch.uint8)[seen]
        packed.append(cells.cpu().numpy())
        start += n
    return np.concatenate(packed)
