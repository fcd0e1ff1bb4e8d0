"""How a command ends: an exit code for each kind of end, and a sentence instead of a traceback."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from enum import IntEnum
from typing import TextIO

import typer
from induction_kernels.errors import InductionError


class End(IntEnum):
    """Exit codes, beside 0; docs/command-line.md has them."""

    FAULTS = 1  # it is done, and checkpoints are faulty
    REFUSED = 2  # what was asked for cannot be done; Typer's own, too
    BROKEN = 70  # an error of ours: EX_SOFTWARE of sysexits.h
    STOPPED = 130  # 128 + SIGINT, as shells have it


@contextmanager
def in_words() -> Iterator[None]:
    """What the library says of a mistake, or of where it was stopped, is what the reader sees."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            yield
    except InductionError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(End.REFUSED) from error
    except KeyboardInterrupt as stopped:
        typer.echo(f"\n{stopped}".rstrip() or "\nStopped.", err=True)
        raise typer.Exit(End.STOPPED) from stopped


@contextmanager
def on_stderr() -> Iterator[None]:
    """What is printed in here is no result. Faults are said at the end: `end_with_faults`."""
    with redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Checkpoints left out")
        yield


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    typer.echo(f"Warning: {message}", err=True)


def end_with_faults(faults: list[str], cure: str) -> None:
    """Say why checkpoints could not be read, if any could not.

    Args:
        faults: "label: reason", each.
        cure: what can be done.
    """
    if faults:
        lines = [f"Checkpoints that could not be read: {len(faults)}. {cure}", *faults]
        typer.echo("\n  ".join(lines), err=True)
        raise typer.Exit(End.FAULTS)


def broken() -> None:
    """End with the traceback of an error that nobody foresaw."""
    traceback.print_exc()
    sys.exit(End.BROKEN)
