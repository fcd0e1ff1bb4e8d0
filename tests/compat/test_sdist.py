"""The sdist in an empty environment, on a machine without Node."""

from __future__ import annotations

import sys
import zipfile

import pytest
from environments import environment

pytestmark = [pytest.mark.compat, pytest.mark.slow]


def test_it_installs_what_the_wheel_has(sdist, wheel, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    made = environment("sdist", sys.executable)
    made.install("--no-deps", "--force-reinstall", sdist)
    (site,) = made.folder.glob("lib/python*/site-packages")
    packed = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    assert packed
    assert {name for name in packed if not (site / name).is_file()} == set()
    assert "induction_explorer/static/widget.js" in packed
