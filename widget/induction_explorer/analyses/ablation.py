"""Heads ablated together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from induction_kernels.errors import SelectionError

from induction_explorer.analyses.of_text import Kind, ablator, passes_a_set, tokens_a_set
from induction_explorer.contract import Analysis, Arrays, Head, Steps, analysis
from induction_explorer.series import budget

if TYPE_CHECKING:
    from induction_kernels.causes.ablation import Ablation as Found

    from induction_explorer.series.at import At
    from induction_explorer.series.known import Known
    from induction_explorer.series.prompt import Prompt
    from induction_explorer.series.session import SeriesSession

#: Sets of random heads on a model for which every forward pass counts.
_FEWEST_CONTROLS = 5


@analysis("ablation")
class Ablation(Analysis, frozen=True):
    """What ablating heads together does to the loss of a text, to in-context learning and to the
    loss on the second copy of repeated random tokens, in nats: before, the change, and its standard
    error over rows; the same of as many random heads, of the same layers where there are enough
    others; and the probability and rank of the prompt's answer, NaN and -1 without one."""

    heads: tuple[Head, ...]
    how: Kind
    frozen: bool
    doing = "Ablating heads"
    of = "answer"
    arrays = {
        "loss": "",
        "loss_change": "",
        "loss_error": "",
        "in_context_learning": "",
        "in_context_learning_change": "",
        "in_context_learning_error": "",
        "induction_loss": "",
        "induction_loss_change": "",
        "induction_loss_error": "",
        "control_loss": "draw",
        "control_in_context_learning": "draw",
        "control_induction_loss": "draw",
        "answer_before": "",
        "answer_after": "",
        "rank_before": "",
        "rank_after": "",
    }

    def check(self, session: Known, prompt: Prompt | None) -> None:
        if not self.heads:
            raise SelectionError("No heads were given.", "Select at least one.")
        for head in self.heads:
            session.check_head(head)

    def passes(self, session: SeriesSession) -> int:
        return _sets(_controls(session)) * passes_a_set(session)

    def tokens(self, session: SeriesSession) -> int:
        return tokens_a_set(session) // passes_a_set(session)

    def steps(self, at: At) -> Steps:
        from induction_kernels.causes.ablation import ablate_by_steps

        prompt = at.prompt
        asked = None if prompt.answer is None else (prompt.tokens, prompt.answer)
        controls = _controls(at.session)
        of_text = ablator(at, self.how, self.frozen)
        for known in ablate_by_steps(of_text, at.model, list(self.heads), controls, asked):
            yield partial(_arrays, known)


def _sets(controls: int) -> int:
    """Nothing ablated and the heads; then nothing once more, and each control."""
    return 3 + controls


def _controls(session: SeriesSession) -> int:
    """As many as are computed unasked, but not too few."""
    from induction_kernels.causes.ablation import CONTROLS

    if not session.light:
        return _FEWEST_CONTROLS
    affordable = budget.tokens_unasked(session) // tokens_a_set(session)
    return max(_FEWEST_CONTROLS, min(CONTROLS, affordable - _sets(0)))


def _arrays(known_now: Callable[[], Found]) -> Arrays:
    found = known_now()
    (before, rank_before), (after, rank_after) = (
        one or (np.nan, -1) for one in (found.answer_before, found.answer_after)
    )
    known = {name: getattr(found, name) for name in Ablation.arrays if hasattr(found, name)}
    known |= {"answer_before": before, "answer_after": after}
    known |= {"rank_before": rank_before, "rank_after": rank_after}
    return {name: np.asarray(value, np.float32) for name, value in known.items()}
