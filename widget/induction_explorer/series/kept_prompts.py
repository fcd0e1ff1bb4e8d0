"""What a store keeps of prompts, as answers to what is asked of a prompt."""

from __future__ import annotations

from collections.abc import Sequence

from induction_kernels.errors import InductionError
from induction_kernels.sweeps.prompts import ReadPrompt
from induction_kernels.sweeps.stored import Stored

import induction_explorer.analyses  # noqa: F401 - enters them
from induction_explorer.analyses.one_pass import OnePass
from induction_explorer.contract import ANALYSES, Arrays
from induction_explorer.series import budget
from induction_explorer.series.known import Known
from induction_explorer.series.prompt import Prompt
from induction_explorer.series.results import Question

#: The analyses that are answered by what is kept of a prompt.
OF_A_PROMPT = tuple(
    kind for kind, one in ANALYSES.items() if issubclass(one, OnePass) and one.parts
)


class KeptPrompts:
    """Those of a store, in the order in which they came.

    Args:
        known: the series, whose checkpoints are those of the store.
    """

    def __init__(self, store: Stored, known: Known) -> None:
        self._store, self._known = store, known
        self.all: list[ReadPrompt] = store.prompts
        #: Differ after anything was kept.
        self.files = store.files([name for one in self.all for name in one.names])

    def read(self, text: str, answer: str) -> Prompt:
        """One of them.

        Raises:
            InductionError: it is not kept; says what is.
        """
        kept = next((one for one in self.all if (one.text, one.answer) == (text, answer)), None)
        if kept is None:
            raise _not_kept(self._known.name, text, answer, self.all)
        return Prompt(
            ids=kept.ids,
            answer=None if kept.answer_id < 0 else kept.answer_id,
            strings=list(kept.tokens),
            answer_string=kept.answer_token,
            scrub=budget.patterns_fit(self._known, len(kept.ids)),
        )

    def answers(self, question: Question, checkpoints: Sequence[int]) -> dict[int, Arrays]:
        """As far as they are kept at these."""
        prompt = self._of(question)
        if prompt is None or not isinstance(question.analysis, OnePass):
            return {}
        labels = [self._known.series.labels[i] for i in checkpoints]
        found = self._store.of_prompt(prompt, question.analysis.parts, labels)
        return {
            i: question.analysis.of_kept(self._known, parts)
            for i, parts in zip(checkpoints, found, strict=True)
            if parts is not None
        }

    def holds(self, question: Question) -> bool:
        """Whether it is of one of them, and can be answered where that is kept."""
        return self._of(question) is not None

    def _of(self, question: Question) -> ReadPrompt | None:
        """The prompt that is asked about. Of two that differ in their answers, either will do for
        what does not depend on them. None of what a sweep keeps nothing of."""
        if question.analysis.kind not in OF_A_PROMPT:
            return None
        for one in self.all:
            of_answer = question.analysis.of != "answer" or one.answer_id == _number(question)
            if one.ids == question.ids and of_answer:
                return one
        return None


def _number(question: Question) -> int:
    return -1 if question.answer is None else question.answer


def _not_kept(name: str, text: str, answer: str, kept: Sequence[ReadPrompt]) -> InductionError:
    if not kept:
        return InductionError(
            "This needs a model: InductionExplorer(series).",
            f"{name} was opened from a store, which holds scores and losses; "
            "sweep(series, prompts=[...], store=...) keeps prompts as well.",
        )
    said = ", ".join(
        repr(one.text) + (f" and {one.answer!r}" if one.answer else "") for one in kept
    )
    return InductionError(
        f"The store of {name} does not keep the prompt {text!r}"
        + (f" with the answer {answer!r}." if answer else "."),
        f"It keeps {said}. Others need a model: InductionExplorer(series).",
    )
