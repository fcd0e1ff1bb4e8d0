"""What a reader may choose: which indices and heads exist, and which come nearest elsewhere."""

from __future__ import annotations

import operator
from typing import Any

import traitlets
from induction_kernels.checkpoints import Checkpoint, CheckpointSeries

from induction_explorer.session import SeriesSession


def check_index(name: str, value: Any, count: int, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < count:
        raise traitlets.TraitError(
            f"{name} is {value!r}; it must be a whole number from 0 to {count - 1} "
            f"({count} {what})."
        )
    return value


def is_head(pair: Any, session: SeriesSession) -> bool:
    try:
        layer, head = map(operator.index, pair)
    except (TypeError, ValueError):
        return False
    return 0 <= layer < session.layers and 0 <= head < session.heads


def nearest_checkpoint(old: CheckpointSeries, index: int, new: CheckpointSeries) -> int:
    """The checkpoint of `new` that has seen most nearly as many tokens (or steps) as `old`'s."""
    here = old[index]

    def distance(there: Checkpoint) -> int:
        if here.tokens is None or there.tokens is None:
            return abs(there.step - here.step)
        return abs(there.tokens - here.tokens)

    return min(range(len(new)), key=lambda i: distance(new[i]))
