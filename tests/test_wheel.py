"""The wheel: both packages, the bundle and the weights; and it needs no Node."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from urllib.request import urlopen

import pytest
from induction_explorer.page.frames import packed
from packaging.requirements import Requirement
from patience import PATIENCE
from websockets.sync.client import connect

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
        "induction_explorer/static/page.js",
        "induction_explorer/static/copy.js",
        "induction_explorer/export/page.html",
        "induction_explorer/page/page.html",
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
        f"assert ik.__file__.startswith({str(tmp_path)!r}), ik.__file__;"
        "last = ie.load_demo().select([-1]);"
        "print(float(ie.sweep(last, 'induction', progress=False).induction.max()))"
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
def test_it_brings_the_command(wheel, tmp_path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
         "--target", tmp_path, wheel],
        check=True,
    )  # fmt: skip
    run = subprocess.run(
        [tmp_path / "bin" / "induction-explorer", "--help"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, cwd=tmp_path,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.startswith("Usage: induction-explorer [OPTIONS] COMMAND")


@pytest.mark.slow
def test_the_demo_needs_no_more_than_what_is_installed_with_it(wheel, tmp_path) -> None:
    """As `uvx induction-explorer demo` has it: the dependencies without extras, and theirs."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "wheel")
    link(required(tmp_path / "wheel"), tmp_path / "site")
    # -S: without the site packages of these tests.
    process = subprocess.Popen(
        [sys.executable, "-S", "-m", "induction_explorer", "demo", "--no-browser", "--json"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'wheel'}:{tmp_path / 'site'}"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    try:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        address = json.loads(line)["address"]
        with urlopen(address, timeout=PATIENCE) as page:
            assert b"page.js" in page.read()
        socket = address.replace("http", "ws").replace("/?", "/socket?")
        with connect(socket, max_size=None) as connection:
            while b'"_grids"' not in connection.recv(timeout=PATIENCE):
                connection.send(packed({"method": "custom", "content": {"kind": "state"}}, None))
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def required(unpacked: Path) -> set[str]:
    """The distributions that this one is installed with."""
    (here,) = importlib.metadata.distributions(path=[str(unpacked)])
    found: set[str] = set()
    todo = [(here.requires or [], "")]
    while todo:
        requirements, extra = todo.pop()
        for requirement in map(Requirement, requirements):
            marker = requirement.marker
            if marker is not None and not marker.evaluate({"extra": extra}):
                continue
            for part in ("", *requirement.extras):
                key = f"{requirement.name}[{part}]"
                if key not in found:
                    found.add(key)
                    todo.append((importlib.metadata.requires(requirement.name) or [], part))
    return {key.partition("[")[0] for key in found}


def link(names: set[str], site: Path) -> None:
    """These distributions alone, in a folder of links to what is installed."""
    installed = Path(sysconfig.get_path("purelib"))
    site.mkdir()
    for name in names:
        for file in importlib.metadata.files(name) or ():
            top = file.parts[0]
            if top != ".." and not (site / top).exists():
                (site / top).symlink_to(installed / top)


@pytest.mark.slow
def test_the_bundle_is_small_and_calls_nobody() -> None:
    bundle = (ROOT / "widget/induction_explorer/static/widget.js").read_bytes()
    assert len(bundle) <= 400_000
    for address in (b"https://cdn", b"unpkg", b"jsdelivr", b"esm.sh", b"googleapis"):
        assert address not in bundle
