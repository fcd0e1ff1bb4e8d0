"""A question to a series, and what is known of its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from induction_explorer.contract import Analysis, Arrays
from induction_explorer.series.known import Known
from induction_explorer.series.prompt import Prompt
from induction_explorer.series.results import Question


@dataclass(frozen=True)
class Subject:
    """A question to a series; of those that are equal one is computed."""

    session: Known
    question: Question
    prompt: Prompt | None = field(compare=False)

    @classmethod
    def of(cls, session: Known, analysis: Analysis, prompt: Prompt | None) -> Subject:
        if prompt is None or analysis.of == "text":
            return cls(session, Question(analysis), None)
        answer = prompt.answer if analysis.of == "answer" else None
        return cls(session, Question(analysis, prompt.ids, answer), prompt)

    @property
    def analysis(self) -> Analysis:
        return self.question.analysis

    def known(self, checkpoint: int) -> Arrays | None:
        return self.known_at([checkpoint]).get(checkpoint)

    def known_at(self, checkpoints: Sequence[int]) -> dict[int, Arrays]:
        """The answers that are there, of these checkpoints."""
        return self.session.answers(self.question, checkpoints)
