"""The wheel: both packages, the bundle and the weights; and it needs no Node."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT],
        check=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_what_is_in_it(wheel) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "induction_kernels/__init__.py",
        "induction_kernels/py.typed",
        "induction_kernels/demo/tokenizer.json",
        "induction_kernels/demo/MODEL_CARD.md",
        "induction_kernels/demo/attn-only-2l/manifest.json",
        "induction_explorer/__init__.py",
        "induction_explorer/py.typed",
        "induction_explorer/static/loader.js",
        "induction_explorer/static/widget.js",
        "induction_explorer/static/widget.css",
        "induction_explorer/static/LICENSES.txt",
    } <= names
    assert not [name for name in names if name.startswith(("js/", "tests/", "tools/"))]


@pytest.mark.slow
def test_it_runs_from_anywhere_without_node(wheel, tmp_path) -> None:
    """Unpacked far from the clone, with no npm on PATH, importing and scoring works."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = (
        "import induction_explorer as ie, induction_kernels as ik;"
        f"assert ie.__file__.startswith({str(tmp_path)!r}), ie.__file__;"
        "print(float(ik.head_scores(ie.load_demo().load(-1), 'induction').induction.max()))"
    )
    # Site packages for the dependencies, but the wheel's own files first.
    environment = {**os.environ, "PATH": "/nonexistent", "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) >= 0.5


@pytest.mark.slow
def test_the_bundle_is_small_and_calls_nobody() -> None:
    bundle = (ROOT / "widget/induction_explorer/static/widget.js").read_bytes()
    assert len(bundle) < 400_000
    for address in (b"https://cdn", b"unpkg", b"jsdelivr", b"esm.sh", b"googleapis"):
        assert address not in bundle
