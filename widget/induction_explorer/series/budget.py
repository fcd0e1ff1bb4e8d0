"""How much is computed without being asked twice, and what more than that would cost.

Work is counted in parameters times tokens, of each of which a forward pass takes about two
floating-point operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from induction_kernels.errors import InductionError
from induction_kernels.inputs.text_size import LONGEST, ROWS

from induction_explorer.contract import RUNNING_PROMPT

if TYPE_CHECKING:
    from induction_explorer.contract import Analysis
    from induction_explorer.series.known import Known
    from induction_explorer.series.prompt import Prompt
    from induction_explorer.series.session import SeriesSession

#: Patterns kept for one prompt; within this, every checkpoint's are computed ahead of scrubbing.
PATTERN_BYTES = 64 << 20
#: Parameters times checkpoints up to which running every checkpoint on each prompt is quick.
PARAMETER_PASSES = 2_000_000_000
#: Checkpoints that the slider rests on, which are asked about whatever their number is.
HANDLES = 2
#: Of one pass, which a click waits for: about 100 ms, or with the least rows a few seconds.
STEP = 3_000_000_000
PASS = 50_000_000_000
#: Of one checkpoint's answer: a minute or two on two cores.
ANSWER = 2_000_000_000_000
#: Of text; fewer say nothing of the error over rows.
LEAST_ROWS = 4
#: What a GPU does in the same time.
_GPU = 50
#: Of work a second, as long as none was timed.
_GUESS = 20e9


class TooLargeError(InductionError):
    """It would take long; it is computed all the same when the reader wants it."""


@dataclass(frozen=True)
class Cost:
    """Of the answers at so many checkpoints, each of so many passes and seconds."""

    passes: int
    seconds: float
    checkpoints: int = 1

    def __str__(self) -> str:
        passes = "1 forward pass" if self.passes == 1 else f"{self.passes:,} forward passes"
        each = f"{passes}, about {duration(self.seconds)}"
        if self.checkpoints == 1:
            return each
        whole = duration(self.seconds * self.checkpoints)
        return f"{each} a checkpoint, about {whole} for {self.checkpoints:,} checkpoints"


@dataclass(frozen=True)
class Reading:
    """How text is read to measure one checkpoint.

    Attributes:
        rows: of it.
        batch: of them a pass.
        unasked: it is so little that nobody need ask, or a text was given to be read.
    """

    rows: int
    batch: int
    unasked: bool


def is_light(session: SeriesSession) -> bool:
    """Whether running each checkpoint once keeps nobody waiting."""
    return session.parameters * len(session.series) <= PARAMETER_PASSES


def patterns_fit(session: Known, tokens: int) -> bool:
    """Whether a prompt's patterns, of all heads at all checkpoints, can be kept."""
    cells = tokens * (tokens + 1) // 2
    return len(session.series) * session.layers * session.heads * cells <= PATTERN_BYTES


def text_length(session: SeriesSession) -> int:
    """Tokens of a row of the text, the reader's or the default one."""
    given = session.given_text
    return min(LONGEST, session.context) if given is None else given.tokens.shape[1]


def reading(session: SeriesSession) -> Reading:
    """As many rows as one pass over all of them keeps nobody waiting; of what is too large for that
    as many as half an answer's work allows, once they are asked for."""
    model, given, length = session.tokenizer_model, session.given_text, text_length(session)
    row, faster = session.parameters * length, _faster(session)
    quick = PASS * faster // row
    unasked = given is not None or model.tokenizer is None or quick >= LEAST_ROWS
    rows = quick if unasked else max(LEAST_ROWS, ANSWER * faster // (2 * row))
    rows = min(ROWS, rows) if given is None else len(given.tokens)
    return Reading(rows, min(max(rows, 1), rows_a_pass(session, length)), unasked)


def rows_a_pass(session: SeriesSession, length: int) -> int:
    """How many rows of so many tokens are run at a time."""
    return max(1, STEP * _faster(session) // (session.parameters * length))


def work(analysis: Analysis, session: SeriesSession, prompt: Prompt | None) -> float:
    """Of one checkpoint's answer."""
    tokens = analysis.tokens(session) or (0 if prompt is None else len(prompt.strings))
    return float(analysis.passes(session) * tokens * session.parameters)


def check(
    analysis: Analysis, session: SeriesSession, prompt: Prompt | None, checkpoints: int
) -> None:
    """Whether answers at so many checkpoints are computed without being asked twice. Where the
    slider rests, what is read off the prompt always is.

    Raises:
        TooLargeError: they are not; says what they cost.
    """
    passes, whole = analysis.passes(session), work(analysis, session, prompt)
    faster = _faster(session)
    short = whole / passes <= PASS * faster and whole <= ANSWER * faster
    of_prompt = analysis.tokens(session) == 0
    if (short or of_prompt) and (checkpoints <= HANDLES or session.light):
        return
    seconds = session.loading + whole / (session.pace or _GUESS * faster)
    cost = Cost(passes, seconds, checkpoints)
    raise TooLargeError(
        f"{analysis.doing or RUNNING_PROMPT} takes long in {session.name}: {cost}.",
        "It is done only if you ask for it, and can be stopped.",
    )


def tokens_unasked(session: SeriesSession) -> int:
    """How many a checkpoint's answer may run without being asked for twice."""
    return ANSWER * _faster(session) // session.parameters


def _faster(session: SeriesSession) -> int:
    return _GPU if session.tokenizer_model.device.type == "cuda" else 1


def duration(seconds: float) -> str:
    """In words, in the largest unit of which it is one or more."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = round(seconds / length)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{max(1, round(seconds))} seconds" if seconds >= 1.5 else "a second"
