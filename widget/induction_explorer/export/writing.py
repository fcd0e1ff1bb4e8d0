"""Writes a file whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from induction_kernels.errors import InductionError


@contextmanager
def replacing(path: Path) -> Iterator[Callable[[str], None]]:
    """What puts a text into a file beside it, which takes its place in the end; whatever goes wrong
    before leaves everything as it was.

    Raises:
        InductionError: it cannot be written there; said before any work is done.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.partial")

    def put(text: str) -> None:
        with _said(path):
            unfinished.write_text(text, encoding="utf-8")

    try:
        put("")
        yield put
        with _said(path):
            unfinished.replace(path)
    finally:
        with _said(path):
            unfinished.unlink(missing_ok=True)


@contextmanager
def _said(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InductionError(
            f"{path} cannot be written: {error.strerror or error}.", "Give another place."
        ) from error
