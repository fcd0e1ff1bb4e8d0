"""A checkpoint, as an analysis finds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from induction_kernels.models.model import Model

from induction_explorer.contract import Analysis, Arrays
from induction_explorer.series.prompt import Prompt
from induction_explorer.series.session import SeriesSession


@dataclass(frozen=True, eq=False)
class At:
    """The series' model with the weights of one checkpoint, and the prompt. Nobody keeps it.

    Attributes:
        checkpoint: counted from 0.
        asked: None for what does not depend on it.
        beside: what else is wanted of the same checkpoint and prompt.
        give: hands over the answer to one of these.
    """

    session: SeriesSession
    checkpoint: int
    model: Model
    asked: Prompt | None
    beside: Sequence[Analysis]
    give: Callable[[Analysis, Arrays], None]

    @property
    def prompt(self) -> Prompt:
        """Of what depends on it."""
        assert self.asked is not None
        return self.asked
