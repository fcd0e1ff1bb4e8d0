"""One line that says what a cell waits for."""

from __future__ import annotations

import sys
import time
from typing import Self

#: Seconds: who waits for less need not be told.
_SOON = 1.0
_STOP = "interrupt to stop"


class WaitingLine:
    """On stderr, written over and over, and gone in the end."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._text = ""

    def __enter__(self) -> Self:
        return self

    def show(self, text: str) -> None:
        if time.monotonic() >= self._began + _SOON:
            self._write(f"{text} ({_STOP})")

    def __exit__(self, *_: object) -> None:
        if self._text:
            self._write("")
            self._write("\r")

    def _write(self, text: str) -> None:
        if text != self._text:
            sys.stderr.write("\r" + text.ljust(len(self._text)))
            sys.stderr.flush()
            self._text = text
