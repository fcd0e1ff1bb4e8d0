"""The wheel and the sdist of this clone, built once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from environments import KEPT, ROOT


@pytest.fixture(scope="session")
def distributions() -> Path:
    """In one place, by which environments know whether they were made with it."""
    folder = KEPT / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    # The wheel is made from the sdist.
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, ROOT], check=True)
    return folder


@pytest.fixture(scope="session")
def wheel(distributions) -> Path:
    (found,) = distributions.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def sdist(distributions) -> Path:
    (found,) = distributions.glob("*.tar.gz")
    return found
