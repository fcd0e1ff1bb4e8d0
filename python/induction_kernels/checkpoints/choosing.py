"""Which checkpoints are wanted, by their steps."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from induction_kernels.errors import SelectionError
from induction_kernels.whole_numbers import whole_number

Steps = str | Iterable[int]


def choose(numbers: Sequence[int], steps: Steps) -> list[int]:
    """The places of those that are wanted.

    Args:
        numbers: the steps that there are, rising.
        steps: "all"; "log16" for 16 that are spread evenly in the logarithm of the step, with the
            first and the last; or steps.

    Raises:
        SelectionError: a step that is not there, or something else.
    """
    if isinstance(steps, str):
        spread = re.fullmatch(r"log([1-9]\d*)", steps)
        if steps == "all":
            return list(range(len(numbers)))
        if spread is None:
            raise SelectionError(
                f"steps={steps!r} was given.", 'Give "all", "log16" or steps: [0, 512, 1000].'
            )
        return _spread(numbers, int(spread[1]))
    wanted = set()
    for step in steps:
        number = whole_number(step, 0)
        if number is None or number not in numbers:
            raise SelectionError(
                f"There is no step {step!r}.", f"Near it: {_near(sorted(numbers), number or 0)}."
            )
        wanted.add(number)
    if not wanted:
        raise SelectionError("No steps were given.", 'Give "all", "log16" or steps.')
    return [place for place, number in enumerate(numbers) if number in wanted]


def _near(numbers: Sequence[int], number: int) -> str:
    at = bisect_left(numbers, number)
    return ", ".join(str(n) for n in numbers[max(0, at - 2) : at + 2]) + (
        f" ({len(numbers)} from {numbers[0]} to {numbers[-1]})"
    )


def _spread(numbers: Sequence[int], count: int) -> list[int]:
    """As many, evenly in log(1 + step): where two places have the same nearest point, the room
    goes to others, so that as many come of it as were asked for."""
    if count >= len(numbers):
        return list(range(len(numbers)))
    if count == 1:
        return [len(numbers) - 1]
    at = [math.log1p(number) for number in numbers]
    chosen = [0]
    for left in range(count - 1, 0, -1):
        # Of what is left, an equal share for each; never so far that too few points remain.
        goal = at[chosen[-1]] + (at[-1] - at[chosen[-1]]) / left
        last = len(numbers) - left
        first = chosen[-1] + 1
        chosen.append(min(range(first, last + 1), key=lambda i: abs(at[i] - goal)))
    return chosen
