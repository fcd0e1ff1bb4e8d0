"""Writes a file whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from induction_kernels.errors import InductionError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """An empty file beside it that takes its place in the end; whatever goes wrong before leaves
    everything as it was.

    Raises:
        InductionError: it cannot be written there; said before any work is done.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        try:
            unfinished.touch()
            yield unfinished
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise InductionError(
            f"{path} cannot be written: {error.strerror or error}.", "Give another place."
        ) from error
