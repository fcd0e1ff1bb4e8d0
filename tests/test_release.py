"""What a release says of itself is said alike in every file that says it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text())
    for path in (ROOT / ".github/workflows").glob("*.yml")
}


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_one_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == PROJECT["version"]
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_workflows_test_every_python_that_is_promised() -> None:
    tested = WORKFLOWS["test"]["jobs"]["test"]["strategy"]["matrix"]["python"]
    named = [
        kind.removeprefix("Programming Language :: Python :: ") for kind in PROJECT["classifiers"]
        if re.search(r":: 3\.\d+$", kind)
    ]  # fmt: skip
    assert tested == named
    assert PROJECT["requires-python"] == f">={tested[0]}"


def test_workflows_run_make_and_nothing_else() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for workflow in WORKFLOWS.values():
        for command in (step["run"] for step in steps(workflow) if "run" in step):
            program, *wanted = command.split()
            assert program == "make"
            assert set(wanted) <= targets


def test_only_the_job_that_publishes_holds_an_identity() -> None:
    """It builds nothing, so nothing that a build runs can sign as us; and no token is kept."""
    for workflow in WORKFLOWS.values():
        assert workflow["permissions"] == {}
        for job in workflow["jobs"].values():
            publishes = any("pypi-publish" in step.get("uses", "") for step in job["steps"])
            assert ("id-token" in job["permissions"]) == publishes
            assert not (publishes and any("run" in step for step in job["steps"]))
    assert "secrets." not in "".join(map(str, WORKFLOWS.values()))
