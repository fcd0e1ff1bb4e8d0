"""What ablating each head alone would do to one number, estimated; and, beside it, what it does.

The two are asked for apart, and no array of one is called as one of the other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
from induction_kernels.errors import SelectionError

from induction_explorer.analyses.of_text import Kind
from induction_explorer.contract import Analysis, Arrays, Index, Steps, analysis
from induction_explorer.series import budget

if TYPE_CHECKING:
    from induction_kernels.causes.patches import Patching
    from induction_kernels.scores.of_causes.estimate import Estimate
    from torch import Tensor

    from induction_explorer.series.at import At
    from induction_explorer.series.known import Known
    from induction_explorer.series.prompt import Prompt
    from induction_explorer.series.session import SeriesSession

#: What heads change: of repeated random tokens, or of the prompt.
Metric = Literal["second_copy_loss", "answer_logit"]

#: Forward passes that one forwards and one backwards, without the weights' gradients, are about.
_BOTH_WAYS = 3


class _Patching(Analysis, frozen=True):
    """What both have in common."""

    how: Kind
    metric: Metric
    of = "answer"

    def check(self, session: Known, prompt: Prompt | None) -> None:
        if self.metric == "answer_logit" and (prompt is None or prompt.answer is None):
            raise SelectionError(
                "The prompt has no answer, whose logit could change.",
                "Give one beside the prompt, or choose the loss on the second copy.",
            )

    def tokens(self, session: SeriesSession) -> int:
        rows, length = _probe(session).shape
        return 0 if self.metric == "answer_logit" else min(rows, _batch(session)) * length

    def parts(self, session: SeriesSession) -> int:
        """Passes that one over everything takes."""
        if self.metric == "answer_logit":
            return 1
        return -(-len(_probe(session)) // _batch(session))

    def patching(self, at: At) -> Patching:
        from induction_kernels.causes.patches import Patching

        if self.metric == "answer_logit":
            prompt = at.prompt
            return Patching.of(at.model, prompt.tokens, self.metric, self.how, prompt.answer)
        return Patching.of(at.model, None, self.metric, self.how)


@analysis("patching_estimate")
class PatchingEstimate(_Patching, frozen=True):
    """How much the loss on the second copy of repeated random tokens, in nats, or the logit of the
    prompt's answer would change if each head alone gave something else: attribution patching,
    sum over positions of (z' - z) dm/dz. And that number as it is. No head is ablated."""

    doing = "Estimating ablations"
    arrays = {"estimated_change": "layer head", "metric": ""}

    def passes(self, session: SeriesSession) -> int:
        return self.parts(session)

    def tokens(self, session: SeriesSession) -> int:
        return _BOTH_WAYS * super().tokens(session)

    def steps(self, at: At) -> Steps:
        grid = (at.model.n_layers, at.model.n_heads)

        def arrays(known: Callable[[], Estimate | None]) -> Arrays:
            found = known()
            change = np.full(grid, np.nan) if found is None else found.change.numpy()
            value = np.nan if found is None else found.metric
            return {
                "estimated_change": change.astype(np.float32),
                "metric": np.asarray(value, np.float32),
            }

        for known in self.patching(at).estimate_by_steps(at.model, _batch(at.session)):
            yield partial(arrays, known)


@analysis("patching_exact")
class PatchingExact(_Patching, frozen=True):
    """How much the same number does change when each of the heads with the largest estimates is
    ablated alone, whatever their sign: so many of them, or all. NaN of heads that were not."""

    top: Index | None
    doing = "Ablating the heads with the largest estimates"
    arrays = {"exact_change": "layer head"}

    def check(self, session: Known, prompt: Prompt | None) -> None:
        super().check(session, prompt)
        if self.top == 0:
            raise SelectionError("No heads are to be ablated.", "Ask for one at least.")

    def passes(self, session: SeriesSession) -> int:
        return (_BOTH_WAYS + 1 + self._heads(session)) * self.parts(session)

    def counting(self, session: SeriesSession) -> Callable[[int], str]:
        heads, each = self._heads(session), self.parts(session)
        return lambda done: f"{min(heads, max(0, done // each - 1)):,} of {heads:,} heads"

    def _heads(self, session: SeriesSession) -> int:
        count = len(session.every_head)
        return count if self.top is None else min(self.top, count)

    def steps(self, at: At) -> Steps:
        from induction_kernels.causes.patching import largest

        patching, batch = self.patching(at), _batch(at.session)
        found, none = None, np.full((at.model.n_layers, at.model.n_heads), np.nan, np.float32)
        for known in patching.estimate_by_steps(at.model, batch):
            found = known()
            yield lambda: {"exact_change": none}
        assert found is not None
        heads = largest(at.model, found.change.numpy(), self._heads(at.session))
        for exact in patching.exact_by_steps(at.model, heads, batch):
            yield partial(_exact, exact)


def _exact(known: Callable[[], np.ndarray]) -> Arrays:
    return {"exact_change": known().astype(np.float32)}


def _probe(session: SeriesSession) -> Tensor:
    from induction_kernels.inputs.probes import RepeatedTokens

    return RepeatedTokens.make(session.tokenizer_model).tokens


def _batch(session: SeriesSession) -> int:
    """Rows a pass, where they are those of the probe."""
    return budget.rows_a_pass(session, _probe(session).shape[1])
