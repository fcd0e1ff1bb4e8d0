"""What the reader's own scores may be called."""

from __future__ import annotations

import re

from induction_kernels.errors import SelectionError

# It names an array on disk, a column of a table and a choice in an address.
_NAME = re.compile(r"[^\W_][\w .+()-]{0,63}")
#: Names that a sweep has for something else.
TAKEN = {
    "checkpoint", "layer", "head", "step", "tokens", "tokens_estimated", "position", "row", "rank",
    "vocabulary", "chosen_position", "fingerprint", "faults", "findings",
}  # fmt: skip


def checked_name(name: object, what: str) -> str:
    """The name of one of the reader's scores.

    Args:
        what: it is the name of, in words.

    Raises:
        SelectionError: it has none, or one that cannot be kept.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name != name.strip():
        raise SelectionError(
            f"{what} has the name {name!r}.",
            "Name it in a dict, scores={'my_score': ...}: a letter or digit, then up to 63 "
            "letters, digits, spaces and _ . + - ( ).",
        )
    if name in TAKEN:
        raise SelectionError(
            f"{name!r} cannot be a score: a sweep has something else of that name.",
            "Give it another: scores={'my_" + name + "': ...}.",
        )
    return name


def title_of(name: str) -> str:
    """A name as words, where nothing says how it is called: "two_back" is "Two back"."""
    words = name.replace("_", " ")
    return words if words != words.lower() else words[:1].upper() + words[1:]
