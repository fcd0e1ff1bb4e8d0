"""The series of one explorer, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from induction_kernels.errors import InductionError, SelectionError
from induction_kernels.names import distinct

from induction_explorer.channel.work import Work, without_frames
from induction_explorer.channel.worker import SHARED, Steps, Urgency
from induction_explorer.series.known import Known
from induction_explorer.series.prompt import Prompt
from induction_explorer.series.stored import StoreSession

if TYPE_CHECKING:
    from induction_kernels.inputs.texts import Texts
    from induction_kernels.scores.own.given import Scores

#: Seconds into a checkpoint after which a reader is shown what of it has been found so far.
TELL_AFTER = 0.5


def open_all(
    model: Any, tokenizer: Any | None, texts: Texts | None, scores: Scores = None
) -> list[tuple[Known, int]]:
    """The session of each model given, and the checkpoint to begin with.

    Raises:
        TypeError: none was given, or one that cannot be read.
        SelectionError: scores that do not exist, or are not of these series.
    """
    several = isinstance(model, list | tuple) and not _is_model_and_tokenizer(model)
    models = model if several else [model]
    if not models:
        raise TypeError("InductionExplorer was given an empty list; give at least one model.")
    stored = [one for one in models if isinstance(one, StoreSession)]
    if stored:
        if scores is not None:
            raise SelectionError(
                f"scores= was given for {stored[0].name}, which was opened from a store.",
                "A store shows what it holds: sweep(series, scores=..., store=...) adds to it.",
            )
        return [(one, one.last) for one in stored]
    from induction_explorer.series.own import Chosen  # these bring PyTorch
    from induction_explorer.series.session import open_session, series_to_show

    chosen = Chosen(scores)
    shown = [series_to_show(one, tokenizer) for one in models]
    names = [series.name for series, _ in shown]
    return [open_session(one, texts, chosen, names) for one in shown]


def _is_model_and_tokenizer(value: Sequence[Any]) -> bool:
    return len(value) == 2 and hasattr(value[1], "convert_ids_to_tokens")


def one_of(sessions: Sequence[Known], number: int) -> Known:
    """The series of this number, counted from 0.

    Raises:
        SelectionError: there is none.
    """
    if number >= len(sessions):
        raise SelectionError(
            f"There is no series {number}.", f"Series go from 0 to {len(sessions) - 1}."
        )
    return sessions[number]


def infos(sessions: Sequence[Known]) -> list[dict[str, Any]]:
    """`SeriesInfo` of js/src/kernel/model.ts of every series, their names distinct."""
    names = distinct(session.name for session in sessions)
    return [s.info() | {"name": name} for s, name in zip(sessions, names, strict=True)]


def read_prompt(
    sessions: Sequence[Known], current: Known, prompt: str, answer: str
) -> list[Prompt | InductionError]:
    """The prompt as each series reads it; a series that cannot gets its reason instead.

    Raises:
        InductionError: the current series cannot read it.
    """
    is_empty_store = not prompt and isinstance(current, StoreSession)
    return read_each(sessions, prompt, answer, needed=None if is_empty_store else current)


def read_each(
    sessions: Sequence[Known], prompt: str, answer: str, *, needed: Known | None = None
) -> list[Prompt | InductionError]:
    """The prompt as each series reads it; a series that cannot gets its reason instead, which is
    raised where it is the one that is needed."""
    prompts: list[Prompt | InductionError] = []
    for session in sessions:
        try:
            prompts.append(session.read_prompt(prompt, answer))
        except InductionError as error:
            if session is needed:
                raise
            prompts.append(without_frames(error))
    return prompts


def told_between(
    steps: Callable[[int, int | None], Steps],
    tell: Callable[[int], None],
    checkpoint: int,
    then: int | None,
) -> Steps:
    """The steps of a checkpoint, of which is told now and then what they have found so far."""
    told = time.monotonic()
    for _ in steps(checkpoint, then):
        if time.monotonic() >= told + TELL_AFTER:
            with SHARED:
                tell(checkpoint)
            told = time.monotonic()
        yield


def submit(
    work: Work,
    urgency: Urgency,
    steps: Callable[[int, int | None], Steps],
    checkpoints: Sequence[int],
    show: Callable[[], None],
    label: str = "",
) -> None:
    """Take the steps of each of a series' checkpoints, told which comes next, to read it ahead;
    `show` after each."""
    for here, then in zip(checkpoints, [*checkpoints[1:], None], strict=False):
        work.submit_steps(urgency, steps(here, then), show, label=label)
