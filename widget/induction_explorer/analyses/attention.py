"""Attention as it was computed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from induction_kernels.errors import SelectionError

from induction_explorer.analyses.one_pass import OnePass
from induction_explorer.contract import Arrays, Head, Index, analysis

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from induction_explorer.series.known import Known
    from induction_explorer.series.prompt import Prompt


@analysis("attention")
class Attention(OnePass, frozen=True):
    """Attention of one head on the prompt as it was computed, of the queries from the first to the
    last: each one's keys up to itself, row by row."""

    head: Head
    first: Index
    last: Index
    of = "prompt"
    arrays = {"attention": "pair"}

    def check(self, session: Known, prompt: Prompt | None) -> None:
        session.check_head(self.head)
        count = 0 if prompt is None else len(prompt.strings)
        if not self.first <= self.last < count:
            raise SelectionError(
                f"There are no queries from {self.first} to {self.last} in the prompt.",
                f"It has 0 to {count - 1}.",
            )

    def heads(self, session: Known) -> Iterable[Head]:
        return (self.head,)

    def begin(self, session: Known) -> Arrays:
        return {"attention": np.empty(0, np.float32)}

    def of_kept(self, session: Known, kept: Arrays) -> Arrays:
        first, end = (query * (query + 1) // 2 for query in (self.first, self.last + 1))
        return {"attention": kept["attention"][self.head][first:end]}

    def see_rows(self, arrays: Arrays, start: int, rows: Float[Tensor, "row key"]) -> None:
        first, end = max(self.first, start), min(self.last + 1, start + len(rows))
        if first >= end:
            return
        import torch

        block = rows[first - start : end - start]
        keys = torch.ones(block.shape, dtype=torch.bool, device=block.device).tril(first)
        found = block[keys].float().cpu().numpy()
        arrays["attention"] = np.concatenate([arrays["attention"], found])
