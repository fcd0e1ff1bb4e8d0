"""Which (query, key) cells of a pattern a score averages, as data.

A readout is the same for every head, layer, checkpoint and model, and for patterns and scores
before the softmax alike; no square is needed to hold it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Readout:
    """Cells to add up, and the number of queries to divide by.

    Several cells may share a query (the copies of prefix matching): their attention is summed, and
    the sums are averaged over queries.
    """

    queries: Int[Tensor, " cells"]
    keys: Int[Tensor, " cells"]
    n_queries: int

    def __call__(self, cells_of: Float[Tensor, "batch head query key"]) -> Float[Tensor, " head"]:
        """Mean over batch and queries, float32 [head]."""
        cells = cells_of[:, :, self.queries, self.keys].float()
        return cells.sum(-1).mean(0) / self.n_queries

    def uniform(self) -> float:
        """What attention spread evenly over the past would read: the chance level."""
        return float((1.0 / (self.queries + 1)).sum() / self.n_queries)


@dataclass(frozen=True, eq=False)
class Reading:
    """A readout, and what it reads: the pattern A, or the scores S before the softmax."""

    readout: Readout
    of: Literal["pattern", "scores"]


def previous_token(n: int) -> Readout:
    """A[q, q-1] over q ≥ 1 of `n` positions."""
    queries = torch.arange(1, n)
    return Readout(queries, queries - 1, n - 1)


def first_token(n: int) -> Readout:
    """A[q, 0] over q ≥ 1 of `n` positions."""
    queries = torch.arange(1, n)
    return Readout(queries, torch.zeros_like(queries), n - 1)


def duplicate_token(period: int, lead: int = 1) -> Readout:
    """A[q, q-P] over the second copy; `lead` tokens (BOS) stand before the first."""
    queries = _copy(2, period, lead)
    return Readout(queries, queries - period, period)


def induction(period: int, lead: int = 1) -> Readout:
    """A[q, q-P+1] over the second copy: the token after the earlier occurrence."""
    queries = _copy(2, period, lead)
    return Readout(queries, queries - period + 1, period)


def prefix_matching(period: int, copies: int, lead: int = 1) -> Readout:
    """Σ_k A[q, q-kP+1] over every earlier copy k, averaged over q in copies 2 and later."""
    queries, keys = [], []
    for copy in range(2, copies + 1):
        here = _copy(copy, period, lead)
        for back in range(1, copy):
            queries.append(here)
            keys.append(here - back * period + 1)
    return Readout(torch.cat(queries), torch.cat(keys), period * (copies - 1))


def _copy(number: int, period: int, lead: int) -> Int[Tensor, " period"]:
    """Positions of the copy with this number, counted from 1."""
    return lead + (number - 1) * period + torch.arange(period)
