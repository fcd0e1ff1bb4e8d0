"""Attention of one head on the prompt times the size of what it moves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import numpy as np

from induction_explorer.analyses.one_pass import OnePass
from induction_explorer.contract import Arrays, Head, analysis

if TYPE_CHECKING:
    from induction_explorer.series.known import Known
    from induction_explorer.series.prompt import Prompt


@analysis("weighed")
class Weighed(OnePass, frozen=True):
    """Attention of one head on the prompt times the size of each key's value, or of what the head
    writes of it, over the largest of the prompt: round(255 a) of the lower triangle, row by row."""

    head: Head
    by: Literal["value", "output"]
    of = "prompt"
    arrays = {"patterns": "uint8 cell"}
    parts = ()

    @property
    def weighed_by(self) -> Literal["value", "output"]:
        return self.by

    def check(self, session: Known, prompt: Prompt | None) -> None:
        session.check_head(self.head)

    def heads(self, session: Known) -> Iterable[Head]:
        return (self.head,)

    def see(self, arrays: Arrays, head: Head, triangle: np.ndarray) -> None:
        arrays["patterns"] = triangle
