"""`make mutants`: how many small changes of the code no fast test notices.

Python's by mutmut in build/mutants/python, TypeScript's by Stryker; docs/mutants.md is written from
what both have tried. All of them take hours, a sample minutes.

python tools/mutants/mutants.py [python | typescript | report] [--sample COUNT --seed SEED]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "mutants"
PYTHON = BUILD / "python"
REPORT = ROOT / "docs" / "mutants.md"
#: What a mutant has come to, by mutmut's exit codes; whatever else one ends by, a test noticed it.
_UNNOTICED = {0: "survived", 5: "no test", 33: "no test"}
_UNTRIED = (None, 2, 34)

_HEAD = """\
# Mutants

Small changes of the code, such as `<` for `<=` or a call left out, and how many of them no fast
test notices. Python's are made by [mutmut](https://mutmut.readthedocs.io), TypeScript's by
[Stryker](https://stryker-mutator.io); left out are TypeScript's in what is computed once, as a file
is read. Changes that make no difference count as unnoticed. Written by `make mutants`, which is no
part of `make test`: all take hours. {sample}

| where | mutants | tried | unnoticed | of those tried | 95 % interval |
|---|--:|--:|--:|--:|--:|
"""
_SAMPLE = """\
Tried were {count} a row, drawn by `make mutants ARGS="--sample {count} --seed {seed}"`;
the interval (Wilson's) is where the share of all lies. Tests written for what one seed found are
measured by another."""


def main() -> None:
    """Try what was asked for, and write down what is known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["python", "typescript", "report"])
    parser.add_argument("--sample", type=int, metavar="COUNT", help="how many a row; else all")
    parser.add_argument("--seed", type=int, default=0, help="which sample")
    options = parser.parse_args()
    if options.what in (None, "python"):
        try_python(options.sample, options.seed)
    if options.what in (None, "typescript"):
        try_typescript(options.sample, options.seed)
    sample = _SAMPLE.format(count=options.sample, seed=options.seed) if options.sample else ""
    REPORT.write_text(_HEAD.format(sample=sample).replace(" \n", "\n") + "".join(rows()))


def try_python(sample: int | None, seed: int) -> None:
    """Lay the widget out as mutmut has to find it, in src/, and run it there."""
    if sample is not None:
        shutil.rmtree(PYTHON, ignore_errors=True)
    for name, source in {
        "src/induction_explorer": "widget/induction_explorer",
        "tests": "tests",
        "tools": "tools",
        "js/src": "js/src",
    }.items():
        shutil.rmtree(PYTHON / name, ignore_errors=True)
        leave = shutil.ignore_patterns("node_modules", "__pycache__")
        shutil.copytree(ROOT / source, PYTHON / name, ignore=leave)
    shutil.copy(HERE / "mutmut.toml", PYTHON / "pyproject.toml")
    if sample is None:
        mutmut()
    else:
        # Its mutants have names once they are made: it makes them and finds none of this name.
        mutmut("none", check=False)
        mutmut(*sorted(python_ends(), key=lambda name: lot(seed, name))[:sample])


def mutmut(*names: str, check: bool = True) -> None:
    """Try the mutants of these names, or all that have not been tried."""
    subprocess.run(
        [sys.executable, "-m", "mutmut", "run", "--max-children", "1", *names],
        cwd=PYTHON,
        env=os.environ | {"PYTHONPATH": str(ROOT / "python"), "OMP_NUM_THREADS": "1"},
        check=check,
    )


def lot(seed: int, name: str) -> bytes:
    """What to sort by to draw at random."""
    return hashlib.sha256(f"{seed} {name}".encode()).digest()


def try_typescript(sample: int | None, seed: int) -> None:
    """Run Stryker, which draws its sample by sample.mjs."""
    drawn = {}
    if sample is not None:
        drawn = {"MUTANTS_SAMPLE": str(sample), "MUTANTS_SEED": str(seed)}
        (BUILD / "stryker.json").unlink(missing_ok=True)
    subprocess.run(
        [HERE / "node_modules/.bin/stryker", "run", HERE / "stryker.config.json"],
        cwd=ROOT,
        env=os.environ | drawn,
        check=True,
    )


def rows() -> Iterator[str]:
    """The table, a line a room."""
    for room, found in sorted({"widget": python_results(), **typescript_results()}.items()):
        tried = found.total() - found["untried"]
        unnoticed = found["survived"] + found["no test"]
        low, high = interval(unnoticed, tried)
        yield f"| `{room}` | {found.total():,} | {tried:,} | {unnoticed:,} "
        yield f"| {unnoticed / tried:.0%} | {low:.0%} to {high:.0%} |\n"


def interval(found: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share: https://doi.org/10.1080/01621459.1927.10502953."""
    middle = found + z**2 / 2
    half = z * math.sqrt(found * (of - found) / of + z**2 / 4)
    return (middle - half) / (of + z**2), (middle + half) / (of + z**2)


def python_ends() -> dict[str, int | None]:
    """The code that mutmut ended each mutant by."""
    ends: dict[str, int | None] = {}
    for path in PYTHON.rglob("mutants/src/**/*.meta"):
        ends |= json.loads(path.read_text())["exit_code_by_key"]
    return ends


def python_results() -> Counter[str]:
    """How mutants ended."""
    return Counter(
        "untried" if code in _UNTRIED else _UNNOTICED.get(code, "noticed")
        for code in python_ends().values()
    )


def typescript_results() -> dict[str, Counter[str]]:
    """How mutants ended, by room."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    ends = {"Survived": "survived", "NoCoverage": "no test", "CompileError": "untried"}
    for file, report in json.loads((BUILD / "typescript.json").read_text())["files"].items():
        for mutant in report["mutants"]:
            if mutant["status"] != "Ignored":
                room = str(Path(file).parent)
                found[room][ends.get(mutant["status"], "noticed")] += 1
    return found


if __name__ == "__main__":
    main()
