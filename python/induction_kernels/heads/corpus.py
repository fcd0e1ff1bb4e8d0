"""Reads pages of heads off a corpus, a batch of rows at a time.

In memory are, of every head: the strength of each row, four bytes; the cells of `CANDIDATES` rows
and of the strongest so far, at most 64 bytes a token; and, in twice eight bytes each, the attention
of every token that the corpus has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from induction_kernels.attention.fused import attend_fused
from induction_kernels.attention.hooked import visit_attention
from induction_kernels.attention.layer_attention import LayerAttention
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.errors import InductionError, ProbeError
from induction_kernels.heads.cells import Keeping, cells_of
from induction_kernels.heads.intervals import candidates, chosen, equal_frequency
from induction_kernels.heads.page import Cells, Head, HeadPage, Shown
from induction_kernels.heads.statistics import FusedRows, Rows, Statistics, WholeRows, statistics
from induction_kernels.inputs.texts import TextProbe
from induction_kernels.models.model import Model


@dataclass(eq=False)
class _Batch:
    """What was read of some rows, by layer; a layer that is read again takes its own place."""

    rows: slice
    statistics: dict[int, Statistics] = field(default_factory=dict)
    cells: dict[int, dict[tuple[int, int], Cells]] = field(default_factory=dict)


class Corpus:
    """Rows as heads are read on them, and what was read so far.

    Raises:
        ProbeError: a row of one token.
    """

    def __init__(
        self, text: TextProbe, heads: Sequence[Head], strongest: int, samples: int
    ) -> None:
        rows, self._longest = text.tokens.shape
        full = torch.full((rows,), self._longest)
        self.text, self._lengths = text, full if text.lengths is None else text.lengths
        if int(self._lengths.min()) < 2:
            short = int(self._lengths.argmin())
            raise ProbeError(
                f"Row {short} has {int(self._lengths[short])} token.", "Give rows of at least two."
            )
        self._heads, self._strongest, self._samples = list(heads), strongest, samples
        self._places = {head: nth for nth, head in enumerate(self._heads)}
        self._order = candidates(rows)
        self._among = set(self._order.tolist())
        # Position 0 counts for nothing, and padding neither.
        self._counted = (torch.arange(self._longest) < self._lengths[:, None]).clone()
        self._counted[:, 0] = False
        self._tokens, self._ids = text.tokens[self._counted].unique(return_inverse=True)
        self._vocabulary = torch.full((rows, self._longest), 0)
        self._vocabulary[self._counted] = self._ids
        n = len(self._heads)
        self._strengths: list[Tensor] = []
        self._distances = torch.zeros(n, self._longest, dtype=torch.float64)
        self._first = torch.zeros(n, dtype=torch.float64)
        self._from, self._at = (
            torch.zeros(n, len(self._tokens), dtype=torch.float64) for _ in range(2)
        )
        self._cells: list[dict[int, Cells]] = [{} for _ in self._heads]
        #: The strongest rows of each head so far, whose cells are kept.
        self._top: list[list[tuple[float, int]]] = [[] for _ in self._heads]
        self.done = 0

    # --- reading ---

    def read(self, model: Model, rows: slice) -> _Batch:
        """One pass over these rows."""
        batch, tokens = _Batch(rows), self.text.tokens[rows]

        def read(attention: LayerAttention) -> None:
            self._see(batch, attention.layer, FusedRows(attention))

        def visit(layer: int, pattern: Tensor, _scores: Tensor | None) -> None:
            self._see(batch, layer, WholeRows(pattern))

        try:
            attend_fused(model, tokens, read)
        except DoesNotFitError:
            visit_attention(model, tokens, visit)
        return batch

    def _see(self, batch: _Batch, layer: int, of: Rows) -> None:
        heads = [head for at, head in self._heads if at == layer]
        if not heads:
            return
        lengths, first = self._lengths[batch.rows], batch.rows.start
        among = [nth for nth in range(len(lengths)) if first + nth in self._among]
        keeping = Keeping(among, lengths[among].tolist())
        found = statistics(of, heads, lengths, self._longest, keeping.see)
        cells = {(first + nth, head): one for (nth, head), one in keeping.cells().items()}
        for nth in sorted(set(range(len(lengths))).difference(among)):
            strengths = dict(zip(heads, found.strength[nth].tolist(), strict=True))
            strong = [head for head in heads if self._is_strong((layer, head), strengths[head])]
            if strong:
                kept = cells_of(of.of_row(nth), strong, int(lengths[nth]), self._longest)
                cells |= {(first + nth, head): one for head, one in kept.items()}
        batch.statistics[layer], batch.cells[layer] = found, cells

    def _is_strong(self, head: Head, strength: float) -> bool:
        """Whether it may be among the strongest."""
        top = self._top[self._places[head]]
        return len(top) < self._strongest or strength > top[-1][0]

    def add(self, batch: _Batch) -> None:
        """Count what a pass read, once it is over."""
        strengths = torch.full((batch.rows.stop - batch.rows.start, len(self._heads)), torch.nan)
        vocabulary, counted = self._vocabulary[batch.rows], self._counted[batch.rows]
        for layer, found in batch.statistics.items():
            at = [nth for nth, head in enumerate(self._heads) if head[0] == layer]
            strengths[:, at] = found.strength
            self._distances[at] += found.by_distance
            self._first[at] += found.first
            for sums, of in ((self._from, found.by_query), (self._at, found.by_key)):
                of_tokens = of.transpose(0, 1)[:, counted].double()
                sums[at] = sums[at].index_add(1, vocabulary[counted], of_tokens)
        if not bool(strengths.isfinite().all()):
            row, nth = strengths.isfinite().logical_not().nonzero()[0].tolist()
            layer, head = self._heads[nth]
            raise InductionError(
                f"Attention of L{layer}H{head} on row {batch.rows.start + row} is not finite.",
                "Check the weights of this checkpoint.",
            )
        self._strengths.append(strengths)
        self._keep(batch, strengths)
        self.done = batch.rows.stop

    def _keep(self, batch: _Batch, strengths: Tensor) -> None:
        """The cells of candidates and of the strongest rows, and no others."""
        for nth, (layer, head) in enumerate(self._heads):
            rows = range(batch.rows.start, batch.rows.stop)
            now = [*self._top[nth], *zip(strengths[:, nth].tolist(), rows, strict=True)]
            # Of equal rows the earlier is the stronger, as `chosen` has it.
            self._top[nth] = sorted(now, key=lambda one: (-one[0], one[1]))[: self._strongest]
            kept = self._cells[nth] | {
                row: cells for (row, of), cells in batch.cells[layer].items() if of == head
            }
            keep = self._among | {row for _, row in self._top[nth]}
            self._cells[nth] = {row: cells for row, cells in kept.items() if row in keep}

    # --- what is known ---

    def vocabulary(self) -> tuple[Int[np.ndarray, " token"], Int[np.ndarray, " token"]]:
        """The tokens of all rows, and how often each is there, position 0 left out."""
        return self._tokens.numpy(), torch.bincount(self._ids).numpy()

    def page(self, head: Head) -> HeadPage:
        """Of the rows that were read so far."""
        nth = self._places[head]
        strengths = torch.cat(self._strengths)[:, nth].numpy()
        shown = chosen(strengths, self._order, self._strongest, self._samples)
        counted = self._counted[: self.done]
        counts = torch.bincount(self._vocabulary[: self.done][counted], minlength=len(self._tokens))
        return HeadPage(
            head=head,
            strengths=strengths,
            intervals=equal_frequency(strengths),
            sequences=[self._sequence(nth, *one, float(strengths[one[0]])) for one in shown],
            distances=self._distances[nth].numpy().copy(),
            first=float(self._first[nth]) / int(counted.sum()),
            tokens=self._tokens.numpy(),
            counts=counts.numpy(),
            looked_from=self._from[nth].numpy().copy(),
            looked_at=self._at[nth].numpy().copy(),
        )

    def _sequence(self, nth: int, row: int, interval: int, strength: float) -> Shown:
        tokens = self.text.tokens[row, : int(self._lengths[row])]
        return Shown(row, interval, strength, tokens.numpy(), self._cells[nth][row])
