"""Virtual environments of their own, made in build/compat/ and kept there for the next run."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "compat"
#: Where modules of this clone are, for environments without the wheel.
SOURCES = ("python", "widget", "tests", "tools")


@dataclass(frozen=True)
class Environment:
    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(
        self, *command: str | Path, sources: bool = False, cwd: Path = ROOT
    ) -> subprocess.CompletedProcess[str]:
        """Its Python, which finds nothing of the clone unless `sources`."""
        path = os.pathsep.join(str(ROOT / source) for source in SOURCES) if sources else ""
        return subprocess.run(
            [self.python, *command],
            env={**os.environ, "PYTHONPATH": path, "VIRTUAL_ENV": str(self.folder)},
            cwd=cwd, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def install(self, *arguments: str | Path) -> None:
        """What pip installs, or its last words as an error."""
        done = self.run("-m", "pip", "install", "--disable-pip-version-check", "-q", *arguments)
        assert done.returncode == 0, f"pip install {arguments}: {done.stderr[-2000:]}"


def environment(name: str, python: str, *installs: tuple[str, ...]) -> Environment:
    """One in which these were installed, one after the other; made anew only for other ones.

    Args:
        python: the interpreter it is made with.
    """
    made = Environment(KEPT / name)
    stamp = made.folder / "installed.json"
    wanted = json.dumps([python, *installs, _dependencies()], indent=1)
    if stamp.is_file() and stamp.read_text() == wanted:
        return made
    shutil.rmtree(made.folder, ignore_errors=True)
    made.folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([python, "-m", "venv", made.folder], check=True)
    made.install("--upgrade", "pip>=25.1")  # the first that knows dependency groups
    for arguments in installs:
        made.install(*arguments)
    stamp.write_text(wanted)
    return made


def beside_ours(name: str, python: str, *installs: tuple[str, ...]) -> Environment:
    """One that also has what the running Python has, behind what was installed in it."""
    made = environment(name, python, *installs)
    (site,) = made.folder.glob("lib/python*/site-packages")
    (site / "ours.pth").write_text(sysconfig.get_path("purelib"))
    return made


def _dependencies() -> str:
    return hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
