"""What a store keeps of what heads attend to on text, as answers to what is asked of one."""

from __future__ import annotations

from collections.abc import Sequence

from induction_kernels.errors import InductionError
from induction_kernels.sweeps.pages import SweptPage
from induction_kernels.sweeps.stored import Stored

from induction_explorer.analyses.head_page import HeadPage
from induction_explorer.contract import Arrays
from induction_explorer.series.known import Known
from induction_explorer.series.results import Question

#: Heads that are named where one is not kept.
_NAMED = 8


class KeptPages:
    """Those of a store.

    Args:
        known: the series, whose checkpoints are those of the store.
    """

    def __init__(self, store: Stored, known: Known) -> None:
        self._store, self._known = store, known
        self.all: list[SweptPage] = store.pages
        self.origin = store.text_of_pages

    def answers(self, question: Question, checkpoints: Sequence[int]) -> dict[int, Arrays]:
        """As far as they are kept at these."""
        page = self._of(question)
        if page is None:
            return {}
        labels = [self._known.series.labels[i] for i in checkpoints]
        found = zip(checkpoints, self._store.of_page(page, labels), strict=True)
        return {i: HeadPage.of_kept(one) for i, one in found if one is not None}

    def lacks(self, question: Question, checkpoint: int) -> InductionError | None:
        """Why there is no answer; None of what is no page, or where none is kept."""
        if not isinstance(question.analysis, HeadPage) or not self.all:
            return None
        layer, head = question.analysis.head
        if self._of(question) is not None:
            return InductionError(
                f"The store keeps nothing of L{layer}H{head} on text at "
                f"{self._known.series.labels[checkpoint]} (yet).",
                "The sweep that fills it, run again, adds what is missing.",
            )
        named = ", ".join(f"L{one.layer}H{one.head}" for one in self.all[:_NAMED])
        more = f" and {len(self.all) - _NAMED} more" if len(self.all) > _NAMED else ""
        return InductionError(
            f"The store keeps nothing of L{layer}H{head} on text.",
            f"It keeps {named}{more}; sweep(series, head_pages=[({layer}, {head})], store=...) "
            "adds this one.",
        )

    def _of(self, question: Question) -> SweptPage | None:
        if not isinstance(question.analysis, HeadPage):
            return None
        asked = SweptPage(*question.analysis.head)
        return asked if asked in self.all else None
