"""What needs no PyTorch runs without it. Run by test_pythons.py in environments that have none."""

from __future__ import annotations

import compileall
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import induction_explorer
import induction_kernels
import pytest
from induction_explorer import InductionExplorer

PACKAGES = [Path(package.__file__).parent for package in (induction_explorer, induction_kernels)]


@pytest.fixture
def explorer():
    shown = InductionExplorer.from_store(os.environ["STORE"])
    yield shown
    shown.close()


def test_there_is_none_here() -> None:
    assert importlib.util.find_spec("torch") is None
    assert all("site-packages" in str(folder) for folder in PACKAGES)


def test_every_file_is_python_of_this_version() -> None:
    for folder in PACKAGES:
        assert compileall.compile_dir(folder, quiet=1, force=True)


def test_a_store_is_shown(explorer) -> None:
    explorer.wait(60)
    assert explorer.scores().sizes["checkpoint"] == 3
    assert float(explorer.scores().induction.max()) > 0.5


def test_it_becomes_one_file(explorer, tmp_path) -> None:
    explorer.wait(60)
    explorer.to_html(tmp_path / "x.html")
    assert "Content-Security-Policy" in (tmp_path / "x.html").read_text()


def test_the_command_says_what_there_is() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "induction_explorer", "--help"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Usage: induction-explorer" in run.stdout
