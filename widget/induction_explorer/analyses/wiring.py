"""What feeds one head."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from induction_explorer.contract import Analysis, Arrays, Head, Steps, analysis
from induction_explorer.series import budget

if TYPE_CHECKING:
    from induction_kernels.causes.wiring import Wiring as Found
    from induction_kernels.inputs.probes import RepeatedTokens
    from induction_kernels.models.model import Model

    from induction_explorer.series.at import At
    from induction_explorer.series.known import Known
    from induction_explorer.series.prompt import Prompt
    from induction_explorer.series.session import SeriesSession


@analysis("wiring")
class Wiring(Analysis, frozen=True):
    """What feeds one head, of every head in an earlier layer: K-composition above its random
    baseline, the previous-token score, and the change of the head's induction score when this one
    is ablated, with its standard error; NaN for heads in no earlier layer. And the induction score
    with nothing ablated."""

    head: Head
    doing = "Finding what feeds a head"
    arrays = {
        "composition": "layer head",
        "previous_token": "layer head",
        "effect": "layer head",
        "error": "layer head",
        "induction": "",
    }

    def check(self, session: Known, prompt: Prompt | None) -> None:
        session.check_head(self.head)

    def passes(self, session: SeriesSession) -> int:
        return (1 + self._feeding(session)) * _passes_a_head(session)

    def counting(self, session: SeriesSession) -> Callable[[int], str]:
        heads, each = self._feeding(session), _passes_a_head(session)
        # The first passes ablate none.
        return lambda done: f"{max(0, done // each - 1):,} of {heads:,} heads"

    def _feeding(self, session: SeriesSession) -> int:
        """How many heads are in earlier layers."""
        return sum(layer < self.head[0] for layer, _ in session.every_head)

    def tokens(self, session: SeriesSession) -> int:
        """Only the layers from an ablated head's to this one's are run: of those below, half."""
        length = _probe(session.tokenizer_model).tokens.shape[1]
        share = (self.head[0] + 3) / 2 / session.layers
        return max(1, round(length * _rows_a_pass(session) * min(1, share)))

    def steps(self, at: At) -> Steps:
        from induction_kernels.causes.wiring import wire_by_steps

        batch = _rows_a_pass(at.session)
        for known in wire_by_steps(at.model, self.head, _probe(at.model), batch=batch):
            yield partial(_arrays, known)


def _probe(model: Model) -> RepeatedTokens:
    from induction_kernels.inputs.probes import RepeatedTokens

    return RepeatedTokens.make(model)


def _passes_a_head(session: SeriesSession) -> int:
    rows = len(_probe(session.tokenizer_model).tokens)
    return -(-rows // _rows_a_pass(session))


def _rows_a_pass(session: SeriesSession) -> int:
    rows, length = _probe(session.tokenizer_model).tokens.shape
    return min(rows, budget.rows_a_pass(session, length))


def _arrays(known: Callable[[], Found]) -> Arrays:
    found = known()
    return {name: np.asarray(getattr(found, name), np.float32) for name in Wiring.arrays}
