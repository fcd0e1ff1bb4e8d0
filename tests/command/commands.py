"""The command line, run: in a process of its own, as a reader runs it, or here, where that would
only take longer."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from induction_explorer.command.app import app
from patience import PATIENCE
from typer.testing import CliRunner

COMMAND = [sys.executable, "-m", "induction_explorer"]


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def here(*arguments: object) -> Any:
    """Its `exit_code`, `stdout` and `stderr`; an exception that nobody foresaw is raised."""
    found = CliRunner().invoke(app, [*map(str, arguments)], prog_name="induction-explorer")
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found
