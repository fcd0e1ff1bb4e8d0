"""Files that a page cannot hand to its reader itself: they are put beside the notebook."""

from __future__ import annotations

import base64
import binascii
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from induction_kernels.errors import InductionError, SelectionError

_SUFFIXES = (".csv", ".png", ".svg")
#: Bytes of a file: far more than any figure has.
_MOST = 64 << 20


class Save(msgspec.Struct):
    """A part of a file.

    Attributes:
        file: what its parts have in common, and no other file.
        part: from 0, in order; one that came already is not taken again.
        data: in Base64.
    """

    file: str
    name: str
    part: int
    last: bool
    data: str


class Saving:
    """Puts the parts together; a page saves one file at a time."""

    def __init__(self) -> None:
        self._file = ""
        self._parts: list[bytes] = []
        self._path: Path | None = None

    def take(self, save: Save) -> dict[str, Any]:
        """The reply's body: with the last part {path}, the file's place.

        Raises:
            SelectionError: no name of a figure or table, or no Base64.
            InductionError: a part is missing, the file is too large, or cannot be written.
        """
        if save.file != self._file:
            self._file, self._parts, self._path = save.file, [], None
        if save.part == len(self._parts):
            self._parts.append(_bytes(save.data))
        elif save.part > len(self._parts):
            raise InductionError("A part of the file was lost.", "Save it again.")
        if sum(map(len, self._parts)) > _MOST:
            self._parts = []
            raise InductionError(f"The file has more than {_MOST >> 20} MiB.", "Save less.")
        if not save.last:
            return {}
        if self._path is None:
            self._path = _write(save.name, b"".join(self._parts))
            self._parts = [b""] * len(self._parts)
        return {"path": str(self._path)}


def _bytes(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise SelectionError("A part of the file is not Base64.", "Save it again.") from error


def _write(name: str, content: bytes) -> Path:
    """Where the kernel runs, under a name that no file has yet."""
    plain = Path(name)
    if plain.name != name or name.startswith(".") or plain.suffix not in _SUFFIXES:
        raise SelectionError(
            f"{name!r} is no name to save under.", f"Names end in {', '.join(_SUFFIXES)}."
        )
    folder = Path.cwd()
    for number in count(1):
        path = folder / (name if number == 1 else f"{plain.stem}-{number}{plain.suffix}")
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            continue
        except OSError as error:
            raise InductionError(
                f"{path} cannot be written: {error.strerror or error}.",
                "Let the kernel run where it may write.",
            ) from error
        return path
    raise AssertionError
