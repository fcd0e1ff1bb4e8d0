"""Heads of one series in another: matched by score, as a head's place means nothing in other
weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

#: The circuit: whatever score is chosen, a head may be known for its part in it.
CIRCUIT = ("induction", "previous_token")

#: By score, each [checkpoint, layer, head]; NaN where it is not known.
Grids = Mapping[str, np.ndarray]


def counterparts(
    heads: Sequence[Sequence[int]], score: str, old: Grids, new: Grids
) -> list[list[int] | None]:
    """For each head of one series, the head of another that ranks as high.

    Heads rank by the highest value that they reach at any checkpoint. Each is matched by
    whichever of `score` and the circuit's it ranks highest in, the first of equal ones; None
    where the other series has fewer heads. As long as no score of both is known, the head of the
    same place stands in. `counterparts` of js/src/state/counterparts.ts finds the same.
    """
    both = [
        (ranked(old[name]), ranked(new[name]))
        for name in dict.fromkeys((score, *CIRCUIT))
        if name in old and name in new
    ]
    return [counterpart([*head], both, new) for head in heads]


def counterpart(
    head: list[int], both: list[tuple[list[list[int]], list[list[int]]]], new: Grids
) -> list[int] | None:
    known = [(here.index(head), there) for here, there in both if head in here and there]
    if not known:
        layers, heads = next(iter(new.values())).shape[1:]
        return head if head[0] < layers and head[1] < heads else None
    rank, there = min(known, key=lambda one: one[0])
    return there[rank] if rank < len(there) else None


def ranked(grid: np.ndarray) -> list[list[int]]:
    """Heads by the highest value that they reach, equal ones layer by layer; none unknown."""
    highest = np.fmax.reduce(grid, axis=0).ravel()
    order = [i for i in np.argsort(-highest, kind="stable") if np.isfinite(highest[i])]
    return [[int(i) // grid.shape[2], int(i) % grid.shape[2]] for i in order]
