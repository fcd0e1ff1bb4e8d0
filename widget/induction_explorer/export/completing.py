"""Computes what a copy shows before it is made, for so long as its reader waits."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from induction_kernels.errors import InductionError

from induction_explorer.analyses.patterns import Patterns
from induction_explorer.analyses.predictions import Predictions
from induction_explorer.channel.subject import Subject
from induction_explorer.channel.worker import SHARED, Steps, Task, Urgency
from induction_explorer.export.waiting_line import WaitingLine
from induction_explorer.series import budget

if TYPE_CHECKING:
    from induction_explorer.channel.work import Work
    from induction_explorer.contract import Analysis, Arrays, Head
    from induction_explorer.series.prompt import Prompt
    from induction_explorer.series.session import SeriesSession

#: Seconds between two looks at how far it is.
_LOOK = 0.2


@dataclass(frozen=True, eq=False)
class Missing:
    """What a copy wants of a series' prompt that is not computed unasked.

    Attributes:
        checkpoints: the ones looked at first, then ever more in between.
        always: so many of these are computed however long they take.
    """

    session: SeriesSession
    prompt: Prompt
    analyses: Sequence[Analysis]
    checkpoints: Sequence[int]
    always: int

    @classmethod
    def of(
        cls,
        session: SeriesSession,
        prompt: Prompt,
        heads: Sequence[Head],
        looked_at: Sequence[int],
    ) -> Missing:
        """Patterns of all heads where they are small, otherwise of these."""
        tokens, count = len(prompt.strings), len(session.series)
        if budget.patterns_fit(session, tokens):
            heads = session.every_head
        cells = max(1, len(heads)) * tokens * (tokens + 1) // 2
        room = max(len(looked_at), budget.PATTERN_BYTES // cells)
        order = list(dict.fromkeys([*looked_at, *halving(count)]))[:room]
        return cls(session, prompt, [Predictions(), *map(Patterns, heads)], order, len(looked_at))

    def submit(self, work: Work, deadline: float) -> Task:
        count = len(self.checkpoints)
        return work.submit_steps(
            Urgency.ASKED,
            self._steps(deadline),
            passes=count,
            label=f"Running the prompt on {self.session.name} for a copy",
            counted=lambda done: f"{done:,} of {count:,} checkpoints",
        )

    def _steps(self, deadline: float) -> Steps:
        """On the worker's thread. What fails stays unknown: a copy says what it does not hold."""
        for number, checkpoint in enumerate(self.checkpoints):
            if number >= self.always and time.monotonic() >= deadline:
                return
            try:
                self._compute(checkpoint)
            except InductionError:
                continue
            yield

    def _compute(self, checkpoint: int) -> None:
        from induction_explorer.series.at import At

        subjects = [Subject.of(self.session, one, self.prompt) for one in self.analyses]
        with SHARED:
            missing = [one for one in subjects if one.known(checkpoint) is None]
        if not missing:
            return
        questions = {one.analysis: one.question for one in missing}

        def keep(analysis: Analysis, arrays: Arrays) -> None:
            with SHARED:
                self.session.results.keep(questions[analysis], checkpoint, arrays)

        first, *others = questions
        model = self.session.load(checkpoint)
        with closing(
            first.steps(At(self.session, checkpoint, model, self.prompt, others, keep))
        ) as steps:
            for known in steps:
                keep(first, known())


def wait_for(work: Work, missing: Sequence[Missing], seconds: float) -> None:
    """Compute this, and wait for what an explorer computes anyway, both for at most `seconds`; but
    what is looked at however long it takes. Whoever stops the cell stops what was begun for it."""
    deadline = time.monotonic() + seconds
    tasks = [one.submit(work, deadline) for one in missing]
    try:
        with WaitingLine() as line:
            while not work.wait(_LOOK):
                if time.monotonic() >= deadline and not any(map(work.has, tasks)):
                    return
                status = work.status()
                line.show(": ".join(filter(None, (status["label"], status["progress"]))))
    finally:
        for task in tasks:
            work.drop(task)


def halving(count: int) -> Iterator[int]:
    """All numbers below it, some twice: the last, then ever finer steps."""
    yield count - 1
    step = 1 << max(count - 1, 1).bit_length()
    while step := step // 2:
        yield from range(0, count, step)
