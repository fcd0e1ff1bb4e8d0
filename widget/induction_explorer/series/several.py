"""The series of one explorer, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from induction_kernels.errors import InductionError
from induction_kernels.inputs.texts import Texts
from induction_kernels.names import distinct

from induction_explorer.channel.work import Work, without_frames
from induction_explorer.channel.worker import Urgency
from induction_explorer.series.prompt import Prompt
from induction_explorer.series.session import SeriesSession, is_model_and_tokenizer, open_session


def open_all(
    model: Any, tokenizer: Any | None, texts: Texts | None
) -> list[tuple[SeriesSession, int]]:
    """The session of each model given, and the checkpoint to begin with.

    Raises:
        TypeError: none was given, or one that cannot be read.
    """
    several = isinstance(model, list | tuple) and not is_model_and_tokenizer(model)
    models = model if several else [model]
    if not models:
        raise TypeError("InductionExplorer was given an empty list; give at least one model.")
    return [open_session(one, tokenizer, texts) for one in models]


def infos(sessions: Sequence[SeriesSession]) -> list[dict[str, Any]]:
    """`SeriesInfo` of js/src/kernel/model.ts of every series, their names distinct."""
    names = distinct(session.name for session in sessions)
    return [s.info() | {"name": name} for s, name in zip(sessions, names, strict=True)]


def read_prompt(
    sessions: Sequence[SeriesSession], current: SeriesSession, prompt: str, answer: str
) -> list[Prompt | InductionError]:
    """The prompt as each series reads it; a series that cannot gets its reason instead.

    Raises:
        InductionError: the current series cannot read it.
    """
    prompts: list[Prompt | InductionError] = []
    for session in sessions:
        try:
            prompts.append(Prompt.read(session, prompt, answer))
        except InductionError as error:
            if session is current:
                raise
            prompts.append(without_frames(error))
    return prompts


def submit_scores(
    work: Work,
    sessions: Sequence[SeriesSession],
    order: Callable[[SeriesSession], Sequence[int]],
    show: Callable[[], None],
) -> None:
    """Score every checkpoint that is not; `show` after each."""
    for session in sessions:
        for checkpoint, then in _with_next(i for i in order(session) if not session.is_scored(i)):
            work.submit(Urgency.SWEEP, partial(session.score, checkpoint, then), show)


def submit_measures(
    work: Work,
    sessions: Sequence[SeriesSession],
    order: Callable[[SeriesSession], Sequence[int]],
    show: Callable[[], None],
) -> None:
    """Measure every checkpoint that is not; `show` after each."""
    for session in sessions:
        for checkpoint, then in _with_next(i for i in order(session) if not session.is_measured(i)):
            work.submit(Urgency.MEASURE, partial(session.measure, checkpoint, then), show)


def _with_next(checkpoints: Iterator[int]) -> Iterator[tuple[int, int | None]]:
    """Each with the one that is wanted after it, which is read ahead."""
    wanted = list(checkpoints)
    return zip(wanted, [*wanted[1:], None], strict=False)
