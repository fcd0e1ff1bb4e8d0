"""The interpreters that `make compat` finds, and the builds of PyTorch that there are for them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache

from environments import Environment

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
TORCH = "torch==2.13.0"


@cache
def interpreters() -> dict[str, str]:
    """By version: those in PYTHONS, then those on PATH that run."""
    named = os.environ.get("PYTHONS", "").split()
    found: dict[str, str] = {}
    for command in (*named, *(f"python{version}" for version in VERSIONS)):
        path = shutil.which(command)
        if path is None and command in named:
            raise FileNotFoundError(f"PYTHONS names {command}, which is not there.")
        said = path and subprocess.run(
            [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        # A shim of pyenv stands on PATH for versions that are not switched on.
        if path and said and said.returncode == 0:
            found.setdefault(said.stdout.strip(), path)
    return found


def torch_is_small(environment: Environment) -> bool:
    """Whether pip would take a build for CPUs, of 200 MB, and not one with gigabytes of CUDA."""
    asked = environment.run(
        "-m", "pip", "install", "-q", "--dry-run", "--no-deps", "--only-binary", ":all:",
        "--ignore-installed", "--report", "-", TORCH,
    )  # fmt: skip
    if asked.returncode != 0:
        return False
    (one,) = json.loads(asked.stdout)["install"]
    needs = one["metadata"].get("requires_dist", [])
    return not any(need.startswith(("nvidia", "cuda")) for need in needs)
