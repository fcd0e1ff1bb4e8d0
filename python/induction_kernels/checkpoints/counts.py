"""How many tokens the checkpoints of a Trainer's run have seen."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from induction_kernels.checkpoints.checkpoint import Checkpoint
from induction_kernels.checkpoints.files import read_json
from induction_kernels.errors import CheckpointError
from induction_kernels.whole_numbers import whole_number

#: What a Trainer writes beside each checkpoint's weights, after them.
STATE = "trainer_state.json"
#: Counts up to here are exact wherever they go: in JavaScript and in float64.
_LARGEST = 2**53


def rate_of(tokens_per_step: Any) -> int | None:
    """What was given, as an int.

    Raises:
        CheckpointError: it cannot be a number of tokens that each step adds.
    """
    if tokens_per_step is None:
        return None
    rate = _count(tokens_per_step, 1)
    if rate is None:
        raise CheckpointError(
            f"tokens_per_step={tokens_per_step!r} was given.",
            "Give a whole number above 0: batch size times tokens a row.",
        )
    return rate


def at_rate(steps: Iterable[int], rate: int | None) -> list[Checkpoint]:
    """Checkpoints of a run whose every step adds as many tokens; None where nobody knows."""
    return [Checkpoint(step, None if rate is None else step * rate) for step in steps]


def _count(value: Any, least: int) -> int | None:
    number = whole_number(value, least)
    return number if number is not None and number < _LARGEST else None


def tokens_seen(
    folders: Sequence[tuple[int, Path]], tokens_per_step: int | None
) -> list[tuple[int | None, bool]]:
    """Tokens at each step, and whether they are an estimate.

    They are as counted in trainer_state.json, else by `tokens_per_step`, else, if other checkpoints
    are counted, estimated in proportion to the steps between these.
    At step 0 nothing was seen. A count of 0 later is none: the Trainer writes it where it was not
    told to count. A warning says what could not be read and what is an estimate.
    """
    seen, notes = tokens_and_notes(folders, tokens_per_step)
    if notes:
        warnings.warn("Tokens seen: " + " ".join(notes), stacklevel=5)  # of from_folder's caller
    return seen


def tokens_and_notes(
    folders: Sequence[tuple[int, Path]], tokens_per_step: int | None
) -> tuple[list[tuple[int | None, bool]], list[str]]:
    """As `tokens_seen`, and what there is to warn of."""
    known, notes = _counted(folders)
    uncounted = [folder.name for step, folder in folders if step not in known]
    steps = [step for step, _ in folders]
    estimated: set[int] = set()
    if tokens_per_step is not None:
        seen = {step: step * tokens_per_step for step in steps} | known
    elif len(known) > 1:
        seen = {step: _estimate(step, known) for step in steps} | known
        estimated = set(steps) - set(known)
        if uncounted:
            notes.append(
                f"{', '.join(uncounted)}: not counted, so in proportion to the steps between the "
                "checkpoints that are. Give tokens_per_step=... if you know better."
            )
    else:
        seen = known
    fallen = [(a, b) for a, b in pairwise(steps) if seen.get(b, 1) <= seen.get(a, 0)]
    if fallen:
        before, after = fallen[0]
        notes.append(
            f"{seen[before]:,} at step {before:,} and {seen[after]:,} at step {after:,} do not "
            "rise, so tokens are not shown."
        )
        seen, estimated = {}, set()
    return [(seen.get(step), step in estimated) for step in steps], notes


def _counted(folders: Sequence[tuple[int, Path]]) -> tuple[dict[int, int], list[str]]:
    """Tokens by step where they are counted, step 0 among them, and what cannot be read."""
    known, notes = {0: 0}, []
    for step, folder in folders:
        state = folder / STATE
        if not os.path.lexists(state):
            continue
        try:
            said = read_json(state).get("num_input_tokens_seen", 0)
            count = _count(said, 0)
            if count is None:
                raise CheckpointError(
                    f"{state} counts {said!r:.30} tokens.", "Give a whole number below 2^53."
                )
        except CheckpointError as error:
            notes.append(str(error))
            continue
        if count:
            known[step] = count
    return known, notes


def _estimate(step: int, known: Mapping[int, int]) -> int:
    """On the line through the known counts around a step, or through the last two before it."""
    at = sorted(known)
    end = next((i for i, other in enumerate(at) if other >= step), len(at) - 1)
    first, second = at[max(end, 1) - 1], at[max(end, 1)]
    rate = (known[second] - known[first]) / (second - first)
    return known[first] + round((step - first) * rate)
