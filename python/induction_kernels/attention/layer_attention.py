"""What fused attention leaves of a layer, and rows of its patterns made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from induction_kernels.attention.kernels import Softmax

#: Of a layer and its values [batch, kv_head, pos, d_value], what attention to each position counts.
Weigh = Callable[[int, Tensor], Float[Tensor, "batch head pos"]]


@dataclass(frozen=True, eq=False)
class LayerAttention:
    """One layer's attention, ready to be read where it matters.

    Attributes:
        q, k: after rotation; heads of a group share their keys.
        lse: log-sum-exp of the rows of S, and of their sinks.
        weights: what attention to each key counts, by the name of who weighs it.
    """

    layer: int
    q: Float[Tensor, "batch head pos d_head"]
    k: Float[Tensor, "batch kv_head pos d_head"]
    lse: Float[Tensor, "batch head pos"]
    softmax: Softmax
    weights: Mapping[str, Float[Tensor, "batch head pos"]] = field(default_factory=dict)

    def rows(
        self, heads: Sequence[int], start: int, stop: int, weighed: str | None = None
    ) -> Float[Tensor, "batch head row key"]:
        """Rows start..stop-1 of these heads' patterns, up to the last key they can see; float32.

        Args:
            weighed: times which of the weights.
        """
        s, allowed = self._scores(heads, start, stop)
        # In place: what is allocated takes longer than what is computed.
        a = s.sub_(self.lse[:, heads, start:stop, None]).exp_()
        a = a.tril_(start) if allowed is None else a.mul_(allowed)
        return a if weighed is None else a.mul_(self.weights[weighed][:, heads, None, :stop])

    def row(self, head: int, query: int) -> tuple[Float[Tensor, " key"], Float[Tensor, " key"]]:
        """Of the first sequence, what a query pays each key up to itself, and S of these less its
        mean over those that it sees; NaN of the others."""
        pattern = self.rows([head], query, query + 1)[0, 0, 0]
        s, allowed = self._scores([head], query, query + 1)
        seen = s[0, 0, 0]
        if allowed is not None:
            seen = seen.masked_fill(~allowed[0, 0, 0], torch.nan)
        return pattern, seen - seen.nanmean()

    def _scores(
        self, heads: Sequence[int], start: int, stop: int
    ) -> tuple[Float[Tensor, "batch head row key"], Bool[Tensor, "#batch head row key"] | None]:
        """S of these rows, whatever is masked, and which cells are not; None where attention is
        simply causal."""
        kv_heads = [head * self.k.shape[1] // self.q.shape[1] for head in heads]
        q = self.q[:, _run(heads), start:stop].float()
        k = self.k[:, _run(kv_heads), :stop].float()
        allowed, bias = (
            None
            if of is None
            else of[:, [min(h, of.shape[1] - 1) for h in heads], start:stop, :stop]
            for of in (self.softmax.allowed, self.softmax.bias)
        )
        return self.softmax.scores(q @ k.mT, bias), allowed


def _run(heads: Sequence[int]) -> Sequence[int] | slice:
    """As a slice where one follows the other: what is indexed with that is not copied."""
    first = heads[0] if heads else 0
    follows = list(heads) == list(range(first, first + len(heads)))
    return slice(first, first + len(heads)) if follows else heads
