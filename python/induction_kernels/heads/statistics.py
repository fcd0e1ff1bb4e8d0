"""What is read off the attention of a batch of rows, a block of queries at a time.

Position 0 is left out, as query and as key: the first query can look nowhere else, and what looks
at the first token mostly looks away from all others. How much that is, is read beside.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.layer_attention import LayerAttention

#: Of attention in memory at a time: what a CPU's cache holds, more elsewhere.
_BLOCK_BYTES = {"cpu": 4 << 20}
_OTHER_BLOCK_BYTES = 128 << 20
#: Of so many rows only the last sees all keys of a block.
_BLOCK_ROWS = 64


@runtime_checkable
class Rows(Protocol):
    """Attention of one layer, a block of rows at a time; a block is its caller's to change."""

    def rows(
        self, heads: Sequence[int], start: int, stop: int
    ) -> Float[Tensor, "batch head row key"]: ...

    def of_row(self, row: int) -> Rows:
        """Of one row of the batch."""

    @property
    def device(self) -> torch.device: ...


@dataclass(frozen=True, eq=False)
class FusedRows:
    """Made of queries, keys and log-sum-exps."""

    attention: LayerAttention

    def rows(self, heads: Sequence[int], start: int, stop: int) -> Tensor:
        return self.attention.rows(heads, start, stop)

    def of_row(self, row: int) -> FusedRows:
        here, softmax = slice(row, row + 1), self.attention.softmax
        own = {
            name: of[here] if of is not None and len(of) > 1 else of
            for name in ("allowed", "bias", "sinks")
            for of in [getattr(softmax, name)]
        }
        q, k, lse = (getattr(self.attention, name)[here] for name in ("q", "k", "lse"))
        layer = self.attention.layer
        return FusedRows(LayerAttention(layer, q, k, lse, replace(softmax, **own)))

    @property
    def device(self) -> torch.device:
        return self.attention.q.device


@dataclass(frozen=True, eq=False)
class WholeRows:
    """Of a pattern that the model made itself."""

    pattern: Float[Tensor, "batch head query key"]

    def rows(self, heads: Sequence[int], start: int, stop: int) -> Tensor:
        return self.pattern[:, heads, start:stop, :stop].float().clone()

    def of_row(self, row: int) -> WholeRows:
        return WholeRows(self.pattern[row : row + 1])

    @property
    def device(self) -> torch.device:
        return self.pattern.device


@dataclass(frozen=True, eq=False)
class Statistics:
    """Of some heads of a layer, on a batch of rows; float32 on the CPU.

    Attributes:
        strength: the largest A[q, k] with 1 <= k < q.
        first: the sum over q >= 1 of A[q, 0].
        by_distance: the sum of A[q, k] with q - k so much.
        by_query, by_key: the sums over keys, and over queries.
    """

    strength: Float[Tensor, "batch head"]
    first: Float[Tensor, " head"]
    by_distance: Float[Tensor, "head pos"]
    by_query: Float[Tensor, "batch head pos"]
    by_key: Float[Tensor, "batch head pos"]


#: Is shown some heads' rows from one on, as they are.
See = Callable[[Sequence[int], int, Float[Tensor, "batch head row key"]], None]


def statistics(
    of: Rows, heads: Sequence[int], lengths: Int[Tensor, " batch"], longest: int, see: See
) -> Statistics:
    """Of rows of these lengths, whose padding counts for nothing."""
    some = _few(heads, len(lengths), longest)
    parts = [_of_some(of, few, lengths, longest, see) for few in some]
    return Statistics(
        torch.cat([part.strength for part in parts], 1),
        torch.cat([part.first for part in parts]),
        torch.cat([part.by_distance for part in parts]),
        torch.cat([part.by_query for part in parts], 1),
        torch.cat([part.by_key for part in parts], 1),
    )


def _few(heads: Sequence[int], batch: int, longest: int) -> list[Sequence[int]]:
    """So few heads at a time that some rows of all of them fit into a block; each as many."""
    rows = -(-longest // -(-longest // _BLOCK_ROWS))
    most = max(1, _BLOCK_BYTES["cpu"] // (4 * batch * longest * rows))
    parts = -(-len(heads) // most)
    ends = [len(heads) * part // parts for part in range(parts + 1)]
    return [heads[start:stop] for start, stop in itertools.pairwise(ends)]


def _of_some(
    of: Rows, heads: Sequence[int], lengths: Int[Tensor, " batch"], longest: int, see: See
) -> Statistics:
    batch, n_heads = len(lengths), len(heads)
    strength, first = torch.zeros(batch, n_heads), torch.zeros(n_heads)
    by_distance = torch.zeros(n_heads, longest)
    by_query, by_key = (torch.zeros(batch, n_heads, longest) for _ in range(2))
    full = bool((lengths == longest).all())
    for start, stop in blocks(longest, batch * n_heads, of.device):
        a = of.rows(heads, start, stop)
        see(heads, start, a)
        if start == 0:
            a[:, :, 0] = 0
        if not full:
            queries = torch.arange(start, stop, device=a.device)
            a *= (queries < lengths.to(a.device)[:, None])[:, None, :, None]
        first += a[..., 0].sum((0, 2)).cpu()
        a[..., 0] = 0
        by_query[..., start:stop] = a.sum(3).cpu()
        by_key[..., :stop] += a.sum(2).cpu()
        by_distance[:, :stop] += distances(a).sum(0).cpu()
        a.diagonal(start, 2, 3).zero_()
        strength = torch.maximum(strength, a.amax((2, 3)).cpu())
    return Statistics(strength, first, by_distance, by_query, by_key)


def blocks(longest: int, patterns: int, device: torch.device) -> list[tuple[int, int]]:
    """From which to which row, of so many patterns at a time; each about as many."""
    room = _BLOCK_BYTES.get(device.type, _OTHER_BLOCK_BYTES)
    most = max(1, min(_BLOCK_ROWS, room // (4 * patterns * longest)))
    size = -(-longest // -(-longest // most))
    return [(start, min(start + size, longest)) for start in range(0, longest, size)]


def distances(block: Float[Tensor, "*of row key"]) -> Float[Tensor, "*of key"]:
    """The sums over rows by distance, 0 to the last key's, of rows that end in that of the last
    key; nothing is after its query."""
    *outer, rows, keys = block.shape
    flat = block.contiguous().view(-1, rows * keys)
    start = keys - rows
    found = flat.new_zeros(len(flat), keys)

    # Seen with rows that are one cell longer, what lies along a diagonal lies in a column.
    def columns(count: int, width: int, offset: int) -> Tensor:
        size, stride = (len(flat), count, width), (rows * keys, keys + 1, 1)
        return flat.as_strided(size, stride, flat.storage_offset() + offset)

    # Keys no more than `start` before their query, from the first row on.
    found[:, : start + 1] = columns(rows, start + 1, 0).sum(1).flip(1)
    if rows > 1:
        # And farther ones, which the first row has not.
        found[:, start + 1 :] = columns(rows - 1, rows - 1, start + 2).sum(1).flip(1)
    return found.view(*outer, keys)
