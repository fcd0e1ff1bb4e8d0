"""Attention of one head on the prompt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from induction_kernels.attention.packing import packed

from induction_explorer.analyses.one_pass import OnePass
from induction_explorer.contract import Arrays, Head, analysis

if TYPE_CHECKING:
    from induction_explorer.series.known import Known
    from induction_explorer.series.prompt import Prompt


@analysis("patterns")
class Patterns(OnePass, frozen=True):
    """Attention of one head on the prompt: round(255 a) of the lower triangle, row by row."""

    head: Head
    of = "prompt"
    arrays = {"patterns": "uint8 cell"}

    def check(self, session: Known, prompt: Prompt | None) -> None:
        session.check_head(self.head)

    def heads(self, session: Known) -> Iterable[Head]:
        return (self.head,)

    def of_kept(self, session: Known, kept: Arrays) -> Arrays:
        return {"patterns": packed(kept["attention"][self.head])}

    def see(self, arrays: Arrays, head: Head, triangle: np.ndarray) -> None:
        arrays["patterns"] = triangle
