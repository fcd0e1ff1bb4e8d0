"""The answers that an explorer knows, as a copy without a kernel holds them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from induction_explorer.analyses.patterns import Patterns
from induction_explorer.analyses.predictions import Predictions
from induction_explorer.channel.subject import Subject
from induction_explorer.channel.wire import header
from induction_explorer.contract import Analysis, Arrays
from induction_explorer.series.prompt import Prompt

if TYPE_CHECKING:
    from induction_explorer.contract import Head
    from induction_explorer.series.known import Known


@dataclass(frozen=True, eq=False)
class Answers:
    """To one question, at the checkpoints where they are known.

    Attributes:
        words: what a reply says beside the arrays.
        generation: of the prompt; None of what does not depend on one.
    """

    series: int
    generation: int | None
    analysis: Analysis
    checkpoints: list[int]
    arrays: Arrays
    words: dict[str, Any]

    def head(self) -> dict[str, Any]:
        """`Held` of js/src/copied/answers.ts, but for the arrays' contents."""
        return {
            "kind": self.analysis.kind,
            "series": self.series,
            "generation": self.generation,
            "parameters": msgspec.to_builtins(self.analysis),
            "checkpoints": self.checkpoints,
            "words": self.words,
            "arrays": [header(array) | {"name": name} for name, array in self.arrays.items()],
        }

    def buffers(self) -> list[bytes]:
        return [np.ascontiguousarray(array).tobytes() for array in self.arrays.values()]

    def at(self, checkpoints: Container[int]) -> Answers:
        """At these alone."""
        rows = [row for row, one in enumerate(self.checkpoints) if one in checkpoints]
        return replace(
            self,
            checkpoints=[self.checkpoints[row] for row in rows],
            arrays={name: array[rows] for name, array in self.arrays.items()},
        )


def answers(
    number: int,
    session: Known,
    prompt: Prompt | None,
    generation: int,
    heads: Sequence[Head],
    *,
    of_text: bool = True,
) -> Iterator[Answers]:
    """All that is known of a series and its prompt, what a reader misses most first: the patterns
    of these heads come in this order, after everything else.

    Args:
        generation: of the prompt.
        of_text: also what depends on no prompt.
    """
    asked = dict.fromkeys(_asked(session, prompt, of_text), None)
    for analysis in [*asked, *(Patterns(head) for head in heads)]:
        subject = Subject.of(session, analysis, prompt)
        known = subject.known_at(range(len(session.series)))
        if known:
            each = list(known.values())
            arrays = {name: np.stack([one[name] for one in each]) for name in analysis.arrays}
            words = analysis.words(session, each)
            of = None if analysis.of == "text" else generation
            yield Answers(number, of, analysis, list(known), arrays, words)


def _asked(session: Known, prompt: Prompt | None, of_text: bool) -> Iterator[Analysis]:
    """What was asked before, but for patterns."""
    ids = None
    if prompt is not None:
        ids = prompt.ids
        yield Predictions()
    for question in session.results.questions():
        of_this = of_text if question.ids is None else question.ids == ids
        if of_this and not isinstance(question.analysis, Patterns):
            yield question.analysis
