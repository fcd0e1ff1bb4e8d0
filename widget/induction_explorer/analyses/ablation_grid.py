"""Every head ablated alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from induction_kernels.causes.ablation import ablate_each_with

from induction_explorer.analyses.of_text import Kind, ablator, text_tokens
from induction_explorer.contract import Analysis, Arrays, analysis
from induction_explorer.series.at import At

if TYPE_CHECKING:
    from induction_explorer.series.session import SeriesSession


@analysis("ablation_grid")
class AblationGrid(Analysis, frozen=True):
    """What ablating each head alone changes, in nats: the loss of a text, in-context learning, and
    the loss on the second copy of repeated random tokens."""

    how: Kind
    arrays = {"loss": "layer head", "icl": "layer head", "induction_loss": "layer head"}

    def passes(self, session: SeriesSession) -> int:
        return 1 + len(session.every_head)

    def tokens(self, session: SeriesSession) -> int:
        return text_tokens(session)

    def steps(self, at: At) -> Iterator[Arrays]:
        found = ablate_each_with(ablator(at, self.how, frozen=False), at.model)
        found["icl"] = found.pop("in_context_learning")
        yield {name: grid.astype(np.float32) for name, grid in found.items()}
