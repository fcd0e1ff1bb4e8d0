"""What is read off one pass over the prompt: whatever is wanted of it is read off the same one.

Attention that is weighed has passes of its own, which a model may refuse.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from induction_explorer.contract import Analysis, Arrays, Head, Steps

if TYPE_CHECKING:
    from induction_kernels.models.outputs import Output
    from induction_kernels.scores.weighing import By
    from jaxtyping import Float
    from torch import Tensor

    from induction_explorer.series.at import At
    from induction_explorer.series.known import Known


class OnePass(Analysis, frozen=True):
    """Of which several share a pass.

    Attributes:
        parts: of what a sweep keeps of prompts, those that answer it (`sweeps/prompts.py`); none
            where it keeps nothing that does.
    """

    parts: ClassVar[tuple[str, ...]] = ("attention",)

    @property
    def weighed_by(self) -> By | None:
        """What the attention that it sees is weighed by, the same for all that share a pass; None
        for attention as it is."""
        return None

    def of_kept(self, session: Known, kept: Arrays) -> Arrays:
        """The answer, read off these parts."""
        raise NotImplementedError

    def heads(self, session: Known) -> Iterable[Head]:
        """Whose patterns it is read off."""
        return ()

    def begin(self, session: Known) -> Arrays:
        """Arrays to be filled."""
        return {}

    def see(self, arrays: Arrays, head: Head, triangle: np.ndarray) -> None:
        """One head's packed pattern, which nobody keeps that is not told to."""

    def see_rows(self, arrays: Arrays, start: int, rows: Float[Tensor, "row key"]) -> None:
        """Rows of a head's pattern from `start` on, as they were computed."""

    def end(self, arrays: Arrays, output: Output, at: At) -> None:
        """What the pass gave."""

    def steps(self, at: At) -> Steps:
        from induction_kernels.attention.patterns import keep_packed, run_patterns
        from induction_kernels.scores.weighing import run_weighed_patterns

        together = [one for one in (self, *at.beside) if isinstance(one, OnePass)]
        found = {one: one.begin(at.session) for one in together}
        watching: dict[Head, list[OnePass]] = defaultdict(list)
        for one in found:
            for head in one.heads(at.session):
                watching[head].append(one)

        def store(head: Head, triangle: np.ndarray) -> None:
            for one in watching[head]:
                one.see(found[one], head, triangle)

        def see(layer: int, wanted: list[int], start: int, block: Tensor) -> None:
            for head, rows in zip(wanted, block, strict=True):
                for one in watching[layer, head]:
                    one.see_rows(found[one], start, rows)

        args = (at.model, at.prompt.tokens, sorted(watching), store, keep_packed, see)
        by = self.weighed_by
        output = run_patterns(*args) if by is None else run_weighed_patterns(*args, by=by)
        for one, arrays in found.items():
            one.end(arrays, output, at)
            if one != self:
                at.give(one, arrays)
        yield lambda: found[self]
