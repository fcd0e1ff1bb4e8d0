"""Whole patterns of chosen heads, and the packed form in which they travel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Shaped, UInt8
from torch import Tensor, nn

from induction_kernels.attention.door import as_model
from induction_kernels.attention.fused import Reader, attend_fused, run_fused
from induction_kernels.attention.hooked import visit_attention
from induction_kernels.attention.layer_attention import LayerAttention, Weigh
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.attention.way import Visitor
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
    ids = sequence(model, tokens, attention_mask)
    read, visit = _readers(wanted, patterns.__setitem__, keep_whole)
    try:
        attend_fused(model, ids, read)
    except DoesNotFitError:
        visit_attention(model, ids, visit)
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
# Makes of some heads' rows, given block by block from the top, what is kept of each one's pattern.
Keep = Callable[[Iterator[Float[Tensor, "head row key"]]], Iterable[Any]]
# Is shown the same blocks: of which layer and heads, from which row.
See = Callable[[int, list[int], int, Float[Tensor, "head row key"]], None]

#: Of patterns in memory at a time, and rows.
_BLOCK_BYTES, _BLOCK_ROWS = 32 << 20, 512


def run_patterns(
    model: Model,
    tokens: Int[Tensor, "1 pos"],
    heads: list[Head],
    store: Callable[[Head, Any], None],
    keep: Keep,
    see: See = lambda *_: None,
    weigh: Mapping[str, Weigh] | None = None,
) -> Output:
    """Run one sequence, let `see` its patterns' rows and `store` what `keep` makes of each one.

    Only wanted heads are computed, from their own queries and keys, a layer's together, a block of
    rows at a time; models that do not fit that are read whole, layer by layer.

    Args:
        weigh: the one thing that their attention is weighed by; by default it is as it is.

    Raises:
        DoesNotFitError: a model that does not fit, whose attention is to be weighed.
    """
    weigh = weigh or {}
    read, visit = _readers(heads, store, keep, see, *weigh)
    try:
        return run_fused(model, tokens, read, weigh)
    except DoesNotFitError:
        if weigh:
            raise
        return Output.of_logits(visit_attention(model, tokens, visit))


def _readers(
    heads: list[Head],
    store: Callable[[Head, Any], None],
    keep: Keep,
    see: See = lambda *_: None,
    weighed: str | None = None,
) -> tuple[Reader, Visitor]:
    """Of fused attention, and of a model's own."""

    def of_layer(layer: int) -> list[int]:
        return [head for at, head in heads if at == layer]

    def keep_all(layer: int, wanted: list[int], blocks: Iterator[Tensor]) -> None:
        for head, kept in zip(wanted, keep(seen(layer, wanted, blocks)), strict=True):
            store((layer, head), kept)

    def seen(layer: int, wanted: list[int], blocks: Iterator[Tensor]) -> Iterator[Tensor]:
        start = 0
        for block in blocks:
            see(layer, wanted, start, block)
            yield block
            start += block.shape[1]

    def read(attention: LayerAttention) -> None:
        if wanted := of_layer(attention.layer):
            keep_all(attention.layer, wanted, _blocks(attention, wanted, weighed))

    def visit(layer: int, pattern: Tensor, _scores: Tensor | None) -> None:
        if wanted := of_layer(layer):
            keep_all(layer, wanted, iter([pattern[0, wanted].float()]))

    return read, visit


def _blocks(
    attention: LayerAttention, heads: list[int], weighed: str | None
) -> Iterator[Float[Tensor, "head row key"]]:
    n = attention.q.shape[2]
    size = max(1, min(_BLOCK_ROWS, _BLOCK_BYTES // (4 * len(heads) * n)))
    return (
        attention.rows(heads, start, min(start + size, n), weighed)[0]
        for start in range(0, n, size)
    )


def keep_whole(
    blocks: Iterator[Float[Tensor, "head row key"]],
) -> Float[Tensor, "head query key"]:
    """The patterns as they are, float32 on the CPU."""
    parts = [block.cpu() for block in blocks]
    n = parts[-1].shape[-1]
    return torch.cat([nn.functional.pad(part, (0, n - part.shape[-1])) for part in parts], 1)


def keep_cells(
    blocks: Iterator[Float[Tensor, "head row key"]],
) -> list[Float32[np.ndarray, " cells"]]:
    """Each lower triangle, row by row: query 0's one cell, query 1's two, ..."""
    return _lower(block.float() for block in blocks)


def keep_packed(
    blocks: Iterator[Float[Tensor, "head row key"]],
) -> list[UInt8[np.ndarray, " cells"]]:
    """round(255 a) of the same."""
    return _lower((block * 255).round().clamp(0, 255).to(torch.uint8) for block in blocks)


def _lower(blocks: Iterator[Shaped[Tensor, "head row key"]]) -> list[np.ndarray]:
    start, packed = 0, []
    for block in blocks:
        n = block.shape[1]
        seen = torch.ones(n, start + n, dtype=torch.bool, device=block.device).tril(start)
        packed.append(block[:, seen].cpu().numpy())
        start += n
    # Each in memory of its own: those that nobody keeps are freed.
    return [np.concatenate(parts) for parts in zip(*packed, strict=True)]
