"""Cells that lie in a line of a pattern: what belongs to them is seen where it is, not copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Int, Shaped
from torch import Tensor


@dataclass(frozen=True)
class Line:
    """Cells of queries one after another.

    Attributes:
        query, key: of the first cell; no key is after its query.
        step: 1 along a diagonal, where the key goes on with the query; 0 down a column.
    """

    query: int
    key: int
    length: int
    step: Literal[0, 1] = 1

    @property
    def queries(self) -> Int[Tensor, " cells"]:
        return torch.arange(self.query, self.query + self.length)

    @property
    def keys(self) -> Int[Tensor, " cells"]:
        return self.key + self.step * torch.arange(self.length)

    def split(self, size: int) -> Iterator[Line]:
        """The cells, `size` at a time."""
        for start in range(0, self.length, size):
            yield replace(
                self,
                query=self.query + start,
                key=self.key + self.step * start,
                length=min(size, self.length - start),
            )

    def at_queries(self, of: Shaped[Tensor, "batch head pos *rest"]) -> Shaped[Tensor, "..."]:
        """What belongs to each cell's query, [batch, head, cell, ...]."""
        return of[:, :, self.query : self.query + self.length]

    def at_keys(self, of: Shaped[Tensor, "batch head pos *rest"]) -> Shaped[Tensor, "..."]:
        """The same of keys; of a column's only one, which is every cell's."""
        return of[:, :, self.key : self.key + (self.length if self.step else 1)]

    def at_cells(self, square: Shaped[Tensor, "batch head query key"]) -> Shaped[Tensor, "..."]:
        """The cells themselves, [batch, head, cell]."""
        rows = self.at_queries(square)
        if self.step == 0:
            return rows[..., self.key]
        return rows[..., self.key : self.key + self.length].diagonal(dim1=2, dim2=3)

    @property
    def causal(self) -> None:
        """All of them can be seen."""
