"""What feeds one head."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from induction_kernels.causes.wiring import wire
from induction_kernels.inputs.probes import RepeatedTokens

from induction_explorer.contract import Analysis, Arrays, Head, analysis
from induction_explorer.series.at import At

if TYPE_CHECKING:
    from induction_explorer.series.prompt import Prompt
    from induction_explorer.series.session import SeriesSession


@analysis("wiring")
class Wiring(Analysis, frozen=True):
    """What feeds one head, of every head in an earlier layer: K-composition above its random
    baseline, the previous-token score, and the change of the head's induction score when this one
    is ablated, with its standard error; NaN for heads in no earlier layer. And the induction score
    with nothing ablated."""

    head: Head
    arrays = {
        "composition": "layer head",
        "previous_token": "layer head",
        "effect": "layer head",
        "error": "layer head",
        "induction": "",
    }

    def check(self, session: SeriesSession, prompt: Prompt | None) -> None:
        session.check_head(self.head)

    def passes(self, session: SeriesSession) -> int:
        return 1 + sum(layer < self.head[0] for layer, _ in session.every_head)

    def tokens(self, session: SeriesSession) -> int:
        return int(RepeatedTokens.make(session.tokenizer_model).tokens.numel())

    def steps(self, at: At) -> Iterator[Arrays]:
        found = wire(at.model, self.head, RepeatedTokens.make(at.model))
        yield {name: np.asarray(getattr(found, name), np.float32) for name in self.arrays}
