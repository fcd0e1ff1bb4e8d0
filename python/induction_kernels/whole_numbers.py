"""What a caller may give for a count: ints, NumPy's and tensors' of one element, and no bools."""

from __future__ import annotations

import operator
from typing import Any


def whole_number(value: Any, least: int) -> int | None:
    """`value` as an int; None where it is no whole number from `least` on."""
    if isinstance(value, bool):
        return None
    try:
        number = operator.index(value)
    except TypeError:
        return None
    return number if number >= least else None
