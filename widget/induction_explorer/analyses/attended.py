"""How much every head attends to one token."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from induction_kernels.attention.packing import packed
from induction_kernels.errors import SelectionError

from induction_explorer.analyses.one_pass import OnePass
from induction_explorer.contract import Arrays, Head, Index, analysis

if TYPE_CHECKING:
    from induction_explorer.series.known import Known
    from induction_explorer.series.prompt import Prompt


@analysis("attended")
class Attended(OnePass, frozen=True):
    """How much every head attends to one token of the prompt: the mean over later queries of
    A[q, token]; NaN for the last token, which nothing comes after."""

    token: Index
    of = "prompt"
    arrays = {"attention": "layer head"}

    def check(self, session: Known, prompt: Prompt | None) -> None:
        count = 0 if prompt is None else len(prompt.strings)
        if self.token >= count:
            raise SelectionError(
                f"There is no token {self.token} in the prompt.", f"It has 0 to {count - 1}."
            )

    def heads(self, session: Known) -> Iterable[Head]:
        return session.every_head

    def begin(self, session: Known) -> Arrays:
        return {"attention": np.full((session.layers, session.heads), np.nan, np.float32)}

    def of_kept(self, session: Known, kept: Arrays) -> Arrays:
        arrays = self.begin(session)
        for head in self.heads(session):
            self.see(arrays, head, packed(kept["attention"][head]))
        return arrays

    def see(self, arrays: Arrays, head: Head, triangle: np.ndarray) -> None:
        queries = int(np.sqrt(2 * len(triangle)))
        later = np.arange(self.token + 1, queries)
        if len(later):
            cells = later * (later + 1) // 2 + self.token
            arrays["attention"][head] = triangle[cells].mean() / 255
