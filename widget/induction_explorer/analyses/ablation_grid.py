"""Every head ablated alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from induction_explorer.analyses.of_text import Kind, ablator, passes_a_set, tokens_a_set
from induction_explorer.contract import Analysis, Arrays, Steps, analysis

if TYPE_CHECKING:
    from induction_explorer.series.at import At
    from induction_explorer.series.session import SeriesSession


@analysis("ablation_grid")
class AblationGrid(Analysis, frozen=True):
    """What ablating each head alone changes, in nats: the loss of a text, in-context learning, and
    the loss on the second copy of repeated random tokens."""

    how: Kind
    doing = "Ablating each head alone"
    arrays = {
        "loss": "layer head",
        "in_context_learning": "layer head",
        "induction_loss": "layer head",
    }

    def passes(self, session: SeriesSession) -> int:
        return (1 + len(session.every_head)) * passes_a_set(session)

    def tokens(self, session: SeriesSession) -> int:
        return tokens_a_set(session) // passes_a_set(session)

    def steps(self, at: At) -> Steps:
        from induction_kernels.causes.ablation import ablate_each_by_steps

        for known in ablate_each_by_steps(ablator(at, self.how, frozen=False), at.model):
            yield partial(_arrays, known)


def _arrays(known: Callable[[], dict[str, np.ndarray]]) -> Arrays:
    found = known()
    return {name: grid.astype(np.float32) for name, grid in found.items()}
