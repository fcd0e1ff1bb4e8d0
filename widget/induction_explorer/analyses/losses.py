"""The measures of the whole model, of what is too large to be measured unasked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from induction_explorer.contract import Analysis, Arrays, Steps, analysis
from induction_explorer.series import budget

if TYPE_CHECKING:
    from torch import Tensor

    from induction_explorer.series.at import At
    from induction_explorer.series.known import Known
    from induction_explorer.series.session import SeriesSession


@analysis("losses")
class Losses(Analysis, frozen=True):
    """Every measure of the whole model. The answer is the mean loss of the rows of text run so far,
    in nats; the measures come as rows of `_measures`, to every page that shows the series."""

    doing = "Measuring losses"
    after_scores = True
    arrays = {"loss": ""}

    def passes(self, session: SeriesSession) -> int:
        return sum(-(-rows // session.measured.reading.batch) for rows, _ in _sizes(session))

    def tokens(self, session: SeriesSession) -> int:
        return sum(rows * length for rows, length in _sizes(session)) // self.passes(session)

    def steps(self, at: At) -> Steps:
        for known in at.session.measured.steps(at.checkpoint):
            yield partial(_arrays, known)

    def kept(self, session: Known, checkpoint: int) -> Arrays | None:
        if not session.measured.knows(checkpoint) or not session.measured.arrays:
            return None
        return {"loss": session.measured.arrays["loss"][checkpoint]}

    def tell(self, session: SeriesSession) -> None:
        for watcher in list(session.watchers):
            watcher.see_measures()


def _sizes(session: SeriesSession) -> list[tuple[int, int]]:
    """Rows and their length, of the text and of the repeated tokens."""
    from induction_kernels.inputs.probes import RepeatedTokens

    rows, length = RepeatedTokens.make(session.tokenizer_model).tokens.shape
    return [(session.measured.reading.rows, budget.text_length(session)), (rows, length)]


def _arrays(known: Callable[[], dict[str, Tensor]]) -> Arrays:
    return {"loss": np.asarray(known()["loss"], np.float32)}
