"""Names as they can be read, wherever they come from: a folder, a checkpoint, a reader."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath

# Controls, marks that turn the text after them around, spaces of no width, and halves of surrogate
# pairs, which stand for bytes of a path that are no UTF-8, and which no file or message can hold.
_ILLEGIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f"
    r"\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def legible(text: str) -> str:
    """The text with what cannot be seen, or turns other text around, written as an escape."""
    return _ILLEGIBLE.sub(_escaped, text)


def shortened(name: str, most: int = 60) -> str:
    """Cut in its middle: names begin and end with what tells them apart."""
    half = (most - 1) // 2
    return name if len(name) <= most else f"{name[:half]}…{name[-half:]}"


# Where a path begins; "organisation/model", as the Hub names models, is none.
_BEGINS_A_PATH = re.compile(r"[/\\~.]|[A-Za-z]:[/\\]")


def without_folders(name: str) -> str:
    """The last part of a path, which says what it holds; any other name as it is."""
    name = name.strip()
    if not (_BEGINS_A_PATH.match(name) or name.count("/") > 1 or _is_there(name)):
        return name
    if _is_there(name):
        return Path(name).resolve().name
    return (PureWindowsPath if "\\" in name else PurePosixPath)(name).name


def _is_there(name: str) -> bool:
    try:
        return name != "" and Path(name).exists()
    except (OSError, ValueError):  # no file can have this name
        return False


def distinct(names: Iterable[str]) -> list[str]:
    """Each name, with a number behind it where one before is the same: "run", "run (2)"."""
    unique: list[str] = []
    for name in names:
        numbered, number = name, 1
        while numbered in unique:
            number += 1
            numbered = f"{name} ({number})"
        unique.append(numbered)
    return unique


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}"
