"""What a reader may choose: which indices, heads and scores exist, and the nearest elsewhere."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import traitlets

from induction_explorer.series.counterparts import counterparts
from induction_explorer.series.known import Checkpoints, Known

#: Of training: names of `CheckpointSeries` too.
Unit = Literal["tokens", "steps"]


def check_index(name: str, value: Any, count: int, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < count:
        raise traitlets.TraitError(
            f"{name} is {value!r}; it must be a whole number from 0 to {count - 1} "
            f"({count} {what})."
        )
    return value


def is_head(pair: Any, session: Known) -> bool:
    try:
        layer, head = map(operator.index, pair)
    except (TypeError, ValueError):
        return False
    return 0 <= layer < session.layers and 0 <= head < session.heads


def check_heads(pairs: Iterable[Any], session: Known) -> list[list[int]]:
    """Each head once, in the order given."""
    heads: list[list[int]] = []
    for pair in pairs:
        if not is_head(pair, session):
            raise traitlets.TraitError(
                f"heads has {pair!r}; each must be [layer, head] with layer 0 to "
                f"{session.layers - 1} and head 0 to {session.heads - 1} in {session.name}."
            )
        if list(pair) not in heads:
            heads.append([int(pair[0]), int(pair[1])])
    return heads


def check_score(name: str, session: Known) -> str:
    measured = list(session.grids)
    if name in measured:
        return name
    reason = session.why_not(name)
    why = f"is not measured in {session.name}: {reason} It" if reason else "does not exist; it"
    raise traitlets.TraitError(f"score {name!r} {why} may be {', '.join(measured)}.")


def score_in(session: Known, name: str) -> str:
    """The score of this name where the series has it; else induction, or the first that it has.

    `scoreIn` of js/src/state/store.ts chooses alike.
    """
    measured = list(session.grids)
    return next((each for each in (name, "induction") if each in measured), measured[0])


def training_unit(sessions: Iterable[Known]) -> Unit:
    """The one unit in which checkpoints of all these series can be placed: tokens where every
    checkpoint knows them, else steps.

    The page finds the same.
    """
    known = all(tokens is not None for one in sessions for tokens in one.series.tokens)
    return "tokens" if known else "steps"


def nearest_checkpoint(old: Checkpoints, index: int, new: Checkpoints, unit: Unit) -> int:
    """The checkpoint of `new` that is nearest to one of `old` in `unit`, which both know."""
    here = getattr(old, unit)[index]
    return min(range(len(new)), key=lambda i: abs(getattr(new, unit)[i] - here))


def moved(chosen: Mapping[str, Any], old: Known, new: Known, unit: Unit) -> dict[str, Any]:
    """What is chosen of one series, in another: the nearest checkpoints, the heads that rank
    alike and the score that it has. The page chooses alike."""

    def nearest(checkpoint: int) -> int:
        return nearest_checkpoint(old.series, checkpoint, new.series, unit)

    compare = chosen["compare"]
    heads: list[list[int]] = []
    for head in counterparts(chosen["heads"], chosen["score"], old.grids, new.grids):
        if head is not None and head not in heads:
            heads.append(head)
    return {
        "checkpoint": nearest(chosen["checkpoint"]),
        "compare": None if compare is None else nearest(compare),
        "heads": heads,
        "score": score_in(new, chosen["score"]),
    }
