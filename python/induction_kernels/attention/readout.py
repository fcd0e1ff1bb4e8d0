"""Which (query, key) cells of a pattern a score averages, as data.

A readout is the same for every head, layer, checkpoint and model, and for patterns and scores
before the softmax alike; no square is needed to hold it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from induction_kernels.attention.lines import Line
from induction_kernels.errors import ProbeError


@dataclass(frozen=True, eq=False)
class Readout:
    """Cells to add up, and the number of queries to divide by.

    Several cells may share a query (the copies of prefix matching): their attention is summed, and
    the sums are averaged over queries.

    Attributes:
        rows: which row of the batch each cell is in, for text, where rows differ; None where all
            rows have the same cells.
        n_queries: in every row, or with `rows` in the whole batch.
        lines: that the cells lie in, the same for all rows; () where they do not.
    """

    queries: Int[Tensor, " cells"]
    keys: Int[Tensor, " cells"]
    n_queries: int
    rows: Int[Tensor, " cells"] | None = None
    lines: tuple[Line, ...] = ()

    @classmethod
    def of_lines(cls, lines: Sequence[Line], n_queries: int) -> Readout:
        queries, keys = (torch.cat([getattr(li, of) for li in lines]) for of in ("queries", "keys"))
        return cls(queries, keys, n_queries, lines=tuple(lines))

    def __call__(self, cells_of: Float[Tensor, "batch head query key"]) -> Float[Tensor, " head"]:
        """Mean over batch and queries, float32 [head]; 0 where there is no query."""
        total = self.at_cells(cells_of).float().sum((0, 2))
        return total / max(1, self.queries_in(len(cells_of)))

    def of_scores(self, scores: Float[Tensor, "batch head query key"]) -> Float[Tensor, " head"]:
        """Mean over the cells that are not masked, which hold -∞; as `mean_of_seen` says."""
        cells = self.at_cells(scores).float()
        seen = cells > -torch.inf
        seen |= cells.isnan()
        return mean_of_seen(cells.masked_fill(~seen, 0).sum((0, 2)), seen.sum((0, 2)))

    def at_cells(self, square: Shaped[Tensor, "batch head query key"]) -> Shaped[Tensor, "..."]:
        """The cells themselves, [batch, head, cell]; with `rows`, [1, head, cell]."""
        if self.rows is None:
            return square[:, :, self.queries, self.keys]
        return square[self.rows, :, self.queries, self.keys].transpose(0, 1)[None]

    def at_queries(self, of: Shaped[Tensor, "batch head pos *rest"]) -> Shaped[Tensor, "..."]:
        """What belongs to each cell's query, [batch, head, cell, ...]; with `rows`, batch is 1."""
        return self._at(self.queries, of)

    def at_keys(self, of: Shaped[Tensor, "batch head pos *rest"]) -> Shaped[Tensor, "..."]:
        return self._at(self.keys, of)

    def _at(self, positions: Tensor, of: Tensor) -> Tensor:
        if self.rows is None:
            return of[:, :, positions]
        return of[self.rows, :, positions].transpose(0, 1)[None]

    def parts(self, size: int, layers: int, batch: int) -> Iterator[Readout | Line]:
        """The cells, `size` at a time, where `layers` batches of so many rows stand one after
        another."""
        if self.lines:
            for line in self.lines:
                yield from line.split(size)
            return
        for start in range(0, len(self.queries), size):
            part = slice(start, start + size)
            queries, keys = self.queries[part], self.keys[part]
            if self.rows is None:
                yield Readout(queries, keys, self.n_queries)
                continue
            firsts = batch * torch.arange(layers, device=self.rows.device)
            rows = (firsts[:, None] + self.rows[part]).flatten()
            yield Readout(queries.repeat(layers), keys.repeat(layers), self.n_queries, rows)

    def to(self, device: torch.device) -> Readout:
        if self.lines:  # need nothing there
            return self
        rows = None if self.rows is None else self.rows.to(device)
        return Readout(self.queries.to(device), self.keys.to(device), self.n_queries, rows)

    @property
    def cells(self) -> Hashable:
        """Equal for readouts of the same cells, however many queries they are averaged over."""
        return self.lines or id(self.queries)

    @property
    def causal(self) -> Bool[Tensor, "1 1 cells"]:
        """Which of the cells can be seen where nothing but what comes later is hidden."""
        return (self.keys <= self.queries)[None, None]

    def queries_in(self, batch: int) -> int:
        """Over how many queries of a batch the mean is taken."""
        return self.n_queries * batch if self.rows is None else self.n_queries

    def of_part(self, part: slice) -> Readout:
        """The same cells in a part of the batch."""
        if self.rows is None:
            return self
        here = (self.rows >= part.start) & (self.rows < part.stop)
        if part.start == 0 and here.all():
            return self
        rows, queries = self.rows[here] - part.start, self.queries[here]
        count = len(torch.unique(torch.stack([rows, queries]), dim=1).T)
        return Readout(queries, self.keys[here], count, rows)

    def uniform(self) -> float:
        """What attention spread evenly over the past would read: the chance level."""
        return float((1.0 / (self.queries + 1)).sum() / self.n_queries)


def mean_of_seen(
    total: Float[Tensor, "*head"], seen: Shaped[Tensor, "*head"]
) -> Float[Tensor, "*head"]:
    """The mean of what a head sees: NaN where it sees nothing, ∞ where it is no number."""
    mean = (total / seen).nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)
    return mean.masked_fill(seen == 0, torch.nan)


@dataclass(frozen=True, eq=False)
class RowEntropy:
    """How widely a row of the pattern is spread: its entropy over that of an even row, ln(q+1)."""

    queries: Int[Tensor, " queries"]

    def __call__(self, pattern: Float[Tensor, "batch head query key"]) -> Float[Tensor, " head"]:
        """Mean over batch and queries, float32 [head]."""
        return self.share(torch.special.entr(pattern[:, :, self.queries].float()).sum(-1))

    def share(self, entropies: Float[Tensor, "batch head queries"]) -> Float[Tensor, " head"]:
        """Entropies in nats as a share of the largest possible, averaged."""
        even = (self.queries + 1).float().log().to(entropies.device)
        return (entropies / even).mean((0, 2))

    @property
    def cells(self) -> Hashable:
        return id(self.queries)

    def to(self, device: torch.device) -> RowEntropy:
        return RowEntropy(self.queries.to(device))

    def queries_in(self, batch: int) -> int:
        return len(self.queries) * batch

    def of_part(self, part: slice) -> RowEntropy:
        return self

    def uniform(self) -> float:
        return 1.0


#: The pattern, the scores before the softmax, or the pattern times weights of that name.
Of = Literal["pattern", "scores", "value", "output"]


@dataclass(frozen=True, eq=False)
class Reading:
    """A readout, and what it reads."""

    readout: Readout | RowEntropy
    of: Of

    def whole(
        self,
        pattern: Float[Tensor, "batch head query key"],
        scores: Float[Tensor, "batch head query key"] | None,
    ) -> Float[Tensor, " head"]:
        """Read off a layer's whole pattern, or its scores, -∞ where they are masked."""
        if self.of == "pattern":
            return self.readout(pattern)
        assert scores is not None
        assert isinstance(self.readout, Readout)
        return self.readout.of_scores(scores)

    def to(self, device: torch.device) -> Reading:
        return Reading(self.readout.to(device), self.of)


def previous_token(n: int) -> Readout:
    """A[q, q-1] over q ≥ 1 of `n` positions."""
    return Readout.of_lines([Line(1, 0, n - 1)], n - 1)


def first_token(n: int) -> Readout:
    """A[q, 0] over q ≥ 1 of `n` positions."""
    return Readout.of_lines([Line(1, 0, n - 1, step=0)], n - 1)


def duplicate_token(period: int, lead: int = 1) -> Readout:
    """A[q, q-P] over the second copy; `lead` tokens (BOS) stand before the first."""
    return Readout.of_lines([Line(lead + period, lead, period)], period)


def induction(period: int, lead: int = 1) -> Readout:
    """A[q, q-P+1] over the second copy: the token after the earlier occurrence."""
    return Readout.of_lines([Line(lead + period, lead + 1, period)], period)


def prefix_matching(period: int, copies: int, lead: int = 1) -> Readout:
    """Σ_k A[q, q-kP+1] over every earlier copy k, averaged over q in copies 2 and later."""
    lines = [
        Line(lead + back * period, lead + 1, (copies - back) * period) for back in range(1, copies)
    ]
    return Readout.of_lines(lines, period * (copies - 1))


def entropy(n: int) -> RowEntropy:
    """Rows q ≥ 1 of `n` positions: the first has a single cell, and no spread."""
    return RowEntropy(torch.arange(1, n))


def natural_induction(tokens: Int[Tensor, "batch pos"]) -> Readout:
    """Σ_k A[q, k] over the tokens k < q that follow an earlier copy of token q, in any text.

    Averaged over the queries for which there is such a k. Where a token comes twice in a row, what
    followed the first is the second itself: looking at oneself is no induction.

    Raises:
        ProbeError: no token comes again in its row after something else.
    """
    n = tokens.shape[1]
    before = torch.ones(n, n).tril(-2).bool()  # the token after the copy is before the query, too
    copies = (tokens[:, :, None] == tokens[:, None, :]) & before.to(tokens.device)
    rows, queries, earlier = copies.nonzero(as_tuple=True)
    if not len(queries):
        raise ProbeError(
            "No token of the text comes again in its row after something else.",
            "Give longer texts.",
        )
    return Readout(queries, earlier + 1, int(copies.any(-1).sum()), rows)


def of_last_query(length: int, keys: Int[Tensor, " cells"]) -> Readout:
    """The mean of A[q, k] over these k, q the last of `length` positions."""
    return Readout(torch.full_like(keys, length - 1), keys, len(keys))


def of_last_query_by_row(length: int, keys: Int[Tensor, " row"]) -> Readout:
    """The mean over rows of A[q, k], q the last of `length` positions and k each row's own."""
    rows = torch.arange(len(keys))
    return Readout(torch.full_like(keys, length - 1), keys, len(keys), rows)
