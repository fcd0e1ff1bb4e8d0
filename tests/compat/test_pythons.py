"""The wheel in an empty environment of every Python: what runs there, with PyTorch and without."""

from __future__ import annotations

import os
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from environments import Environment, environment
from packaging.requirements import Requirement
from pythons import TORCH, VERSIONS, interpreters, torch_is_small

pytestmark = [pytest.mark.compat, pytest.mark.slow]
#: Which is large, and what is built on it.
_TORCHES = {"torch", "transformer-lens"}


@pytest.fixture(params=VERSIONS)
def python(request) -> str:
    if request.param not in interpreters():
        pytest.skip(f"no python{request.param} on PATH, nor in PYTHONS=")
    return interpreters()[request.param]


def _without_torch(python: str, wheel: Path, version: str) -> Environment:
    """With the newest of all it depends on, but for PyTorch and what needs it."""
    name = f"python-{version}-without-torch"
    made = environment(name, python, (*_light(wheel), "pytest>=9", "zarr>=3.1"))
    made.install("--no-deps", "--force-reinstall", wheel)
    return made


def _light(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as opened:
        (metadata,) = (name for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
        said = Parser().parsestr(opened.read(metadata).decode())
    needs = [Requirement(line) for line in said.get_all("Requires-Dist", [])]
    return [str(need) for need in needs if need.marker is None and need.name not in _TORCHES]


def test_a_store_is_shown_without_pytorch(python, request, wheel, store, monkeypatch) -> None:
    version = request.node.callspec.params["python"]
    made = _without_torch(python, wheel, version)
    monkeypatch.setenv("STORE", str(store))
    run = made.run(
        "-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider",
        "tests/compat/without_torch.py",
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]


def test_the_fast_tests_on_the_newest_of_everything(python, request, wheel) -> None:
    """Unconstrained, but for PyTorch; the wheel's own files, not those of the clone."""
    version = request.node.callspec.params["python"]
    bare = environment(f"python-{version}", python)
    if not torch_is_small(bare):
        pytest.skip(f"for Python {version} there are only builds of {TORCH} with CUDA")
    ours = f"induction-explorer[all] @ {wheel.as_uri()}"
    made = environment(
        f"python-{version}-newest", python, (TORCH,), (ours,), ("--group", "test"), ("packaging",)
    )
    made.install("--no-deps", "--force-reinstall", wheel)
    run = made.run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", os.environ.get("WORKERS", "auto"),
        "-m", "not slow and not browser",
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    where = made.run("-c", "import induction_kernels as k; print(k.__file__)")
    assert str(made.folder) in where.stdout


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A sweep over three checkpoints of the bundled series."""
    from induction_explorer import load_demo, sweep

    place = tmp_path_factory.mktemp("store") / "demo.zarr"
    series = load_demo("attn-only-2l")
    some = series.select([0, len(series) // 2, len(series) - 1])
    sweep(some, scores=["induction", "previous_token"], store=place, progress=False)
    return place
