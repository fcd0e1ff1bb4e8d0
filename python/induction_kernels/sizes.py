"""Sizes in bytes, as people write them."""

from __future__ import annotations

import re

from induction_kernels.errors import SelectionError

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def bytes_of(text: str | int, name: str) -> int:
    """Of a number of bytes, or such as "20GB" or "1.5 MB".

    Args:
        name: what it was given as.

    Raises:
        SelectionError: it is neither.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kMGT]?)B?", str(text))
    if found is None:
        raise SelectionError(f"{name} {text} was given.", "Give bytes, or such as 500MB or 20GB.")
    return int(float(found[1]) * 1000 ** " kMGT".index(found[2] or " "))


def in_words(count: int) -> str:
    """Bytes, to four digits."""
    power = min((len(str(count)) - 1) // 3, len(_UNITS) - 1)
    return f"{count / 1000**power:.4g} {_UNITS[power]}"
