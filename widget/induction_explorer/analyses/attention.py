"""Attention as it was computed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch
from induction_kernels.errors import SelectionError
from jaxtyping import Float
from torch import Tensor

from induction_explorer.analyses.one_pass import OnePass
from induction_explorer.contract import Arrays, Head, Index, analysis

if TYPE_CHECKING:
    from induction_explorer.series.prompt import Prompt
    from induction_explorer.series.session import SeriesSession


@analysis("attention")
class Attention(OnePass, frozen=True):
    """Attention of one head on the prompt as it was computed, of the queries from the first to the
    last: each one's keys up to itself, row by row."""

    head: Head
    first: Index
    last: Index
    of = "prompt"
    arrays = {"attention": "pair"}

    def check(self, session: SeriesSession, prompt: Prompt | None) -> None:
        session.check_head(self.head)
        count = 0 if prompt is None else len(prompt.strings)
        if not self.first <= self.last < count:
            raise SelectionError(
                f"There are no queries from {self.first} to {self.last} in the prompt.",
                f"It has 0 to {count - 1}.",
            )

    def heads(self, session: SeriesSession) -> Iterable[Head]:
        return (self.head,)

    def begin(self, session: SeriesSession) -> Arrays:
        return {"attention": np.empty(0, np.float32)}

    def see_rows(self, arrays: Arrays, start: int, rows: Float[Tensor, "row key"]) -> None:
        first, end = max(self.first, start), min(self.last + 1, start + len(rows))
        if first >= end:
            return
        block = rows[first - start : end - start]
        keys = torch.ones(block.shape, dtype=torch.bool, device=block.device).tril(first)
        found = block[keys].float().cpu().numpy()
        arrays["attention"] = np.concatenate([arrays["attention"], found])
