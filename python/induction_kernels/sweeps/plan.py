"""Which checkpoints a sweep reads first, and where it looks closer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from induction_kernels.checkpoints.checkpoint import Checkpoint
from induction_kernels.errors import SelectionError
from induction_kernels.whole_numbers import whole_number

if TYPE_CHECKING:
    import xarray

#: Of all checkpoints, those that are read when nothing is said, and their least number.
_SHARE, _LEAST = 1 / 3, 16
#: Fewer show no change.
_FEWEST = 6
#: Looks at what was found, each of which decides on as many checkpoints.
_LOOKS = 12
#: What a gap as wide as all of training counts beside a move as high as the whole range.
_GAP = 0.05
#: A range less than this is no change to look at.
_RANGE = 0.1


def refined(
    checkpoints: Sequence[Checkpoint],
    refine: bool | int,
    found: Callable[[Sequence[Checkpoint]], xarray.Dataset],
) -> Iterator[list[int]]:
    """Half of the checkpoints that may be read, evenly spaced in the logarithm of steps; then the
    others, a few at a time, where the curves move most.

    Args:
        refine: how many in all; True for a third, or 16 if that is more.
        found: what is known of some checkpoints, in training order.

    Raises:
        SelectionError: fewer than it takes to see a change.
    """
    x = np.log1p([one.step for one in checkpoints])
    budget = allowed(len(x), refine)
    taken = log_spaced(x, math.ceil(budget / 2))
    yield taken
    a_look = math.ceil((budget - len(taken)) / _LOOKS)
    while len(taken) < budget:
        known = found([checkpoints[index] for index in taken])
        closer = where_it_moves(x, taken, curves(known), min(a_look, budget - len(taken)))
        taken = sorted([*taken, *closer])
        yield closer


def allowed(count: int, refine: bool | int) -> int:
    """How many checkpoints are read of so many.

    Raises:
        SelectionError: fewer than it takes to see a change.
    """
    if refine is True:
        return min(count, max(_LEAST, math.ceil(count * _SHARE)))
    number = whole_number(refine, _FEWEST)
    if number is None:
        raise SelectionError(
            f"refine is {refine!r}.",
            f"Give True, or how many checkpoints to read: {_FEWEST} or more.",
        )
    return min(count, number)


def log_spaced(x: Float[np.ndarray, " checkpoint"], count: int) -> list[int]:
    """The first, the last, and between them those nearest to even spacing."""
    chosen: list[int] = []
    for wanted in np.linspace(x[0], x[-1], count):
        free = [i for i in range(len(x)) if i not in chosen]
        chosen.append(min(free, key=lambda i: abs(x[i] - wanted)))
    return sorted(chosen)


def where_it_moves(
    x: Float[np.ndarray, " checkpoint"],
    taken: Sequence[int],
    values: Float[np.ndarray, "taken curve"],
    count: int,
) -> list[int]:
    """So many others, each in the middle of the two neighbours between which a curve moves most.

    Where nothing is known yet the move is taken to be spread evenly. With no move to speak of, the
    widest gaps are filled.
    """
    known = np.isfinite(values).all(1)
    at, moves = np.asarray(taken)[known], np.abs(np.diff(values[known], axis=0)).max(1)
    scale = max(float(np.ptp(values[known], axis=0).max()), _RANGE)
    reach = float(np.ptp(x))
    # (how much there is to see, the two neighbours)
    gaps = [
        (float(move) / scale, int(before), int(after))
        for move, before, after in zip(moves, at[:-1], at[1:], strict=True)
    ]
    chosen: list[int] = []
    while len(chosen) < count:
        free = [
            (move + _GAP * (x[after] - x[before]) / reach, move, before, after)
            for move, before, after in gaps
            if any(i not in taken for i in range(before + 1, after))
        ]
        if not free:  # beside checkpoints that could not be read
            rest = [i for i in range(len(x)) if i not in taken and i not in chosen]
            return sorted([*chosen, *rest[: count - len(chosen)]])
        _, move, before, after = max(free)
        inside = [i for i in range(before + 1, after) if i not in taken]
        middle = min(inside, key=lambda i: abs(2 * x[i] - x[before] - x[after]))
        chosen.append(middle)
        gaps.remove((move, before, after))
        gaps += [(move / 2, before, middle), (move / 2, middle, after)]
    return sorted(chosen)


def curves(found: xarray.Dataset) -> Float[np.ndarray, "checkpoint curve"]:
    """Prefix matching of every head, or induction; without them what else there is."""
    names = [*found.data_vars]
    preferred = ("prefix_matching", "induction", "in_context_learning")
    name = next((name for name in preferred if name in names), names[0])
    values: Float[np.ndarray, "checkpoint curve"] = (
        found[name].to_numpy().reshape(found.sizes["checkpoint"], -1)
    )
    return values[:, ~np.isnan(values).all(0)]  # layers without attention
