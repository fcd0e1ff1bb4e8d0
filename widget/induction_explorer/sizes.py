"""Sizes in bytes, as people write them."""

from __future__ import annotations

import re

from induction_kernels.errors import SelectionError


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


def in_words(count: float) -> str:
    """As "1.2 MB"."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} bytes"
