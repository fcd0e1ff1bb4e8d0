"""`make mutants`: how many small changes of the code no fast test notices.

Python's by mutmut in build/mutants/python, TypeScript's by Stryker; docs/mutants.md is written from
what both have tried. All of them take hours.

python tools/mutants/mutants.py [python | typescript | report] [--every N]
"""

from __future__ import annotations

import argparse
import json
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
#: More than any function has.
MOST = 1000

#: What a mutant has come to, by mutmut's exit codes; whatever else one ends by, a test noticed it.
_UNNOTICED = {0: "survived", 5: "no test", 33: "no test"}
_UNTRIED = (None, 2, 34)

_HEAD = """\
# Mutants

Small changes of the code, such as `<` for `<=` or a call left out, and how many of them no fast
test notices. Written by `make mutants`, which takes hours and is no part of `make test`: Python by
[mutmut](https://mutmut.readthedocs.io), TypeScript by [Stryker](https://stryker-mutator.io).

| where | mutants | tried | unnoticed | of those tried |
|---|--:|--:|--:|--:|
"""


def main() -> None:
    """Try what was asked for, and write down what is known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["python", "typescript", "report"])
    parser.add_argument("--every", type=int, help="try one in so many of Python's mutants")
    options = parser.parse_args()
    if options.what in (None, "python"):
        try_python(options.every)
    if options.what in (None, "typescript"):
        subprocess.run(
            [HERE / "node_modules/.bin/stryker", "run", HERE / "stryker.config.json"],
            cwd=ROOT,
            check=True,
        )
    REPORT.write_text(_HEAD + "".join(f"{row}\n" for row in rows()))


def try_python(every: int | None) -> None:
    """Lay the widget out as mutmut has to find it, in src/, and run it there."""
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
    chosen = [] if every is None else [f"*__mutmut_{n}" for n in range(1 + every // 3, MOST, every)]
    subprocess.run(
        [sys.executable, "-m", "mutmut", "run", *chosen],
        cwd=PYTHON,
        env=os.environ | {"PYTHONPATH": str(ROOT / "python"), "OMP_NUM_THREADS": "1"},
        check=True,
    )


def rows() -> Iterator[str]:
    """The table, a line a room."""
    for room, found in sorted({**python_results(), **typescript_results()}.items()):
        tried = found.total() - found["untried"]
        unnoticed = found["survived"] + found["no test"]
        share = f"{unnoticed / tried:.0%}" if tried else "–"
        yield f"| `{room}` | {found.total():,} | {tried:,} | {unnoticed:,} | {share} |"


def python_results() -> dict[str, Counter[str]]:
    """How mutants ended, by room."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    sources = PYTHON / "mutants" / "src"
    for path in sources.rglob("*.meta"):
        room = f"widget/{path.parent.relative_to(sources)}"
        for code in json.loads(path.read_text())["exit_code_by_key"].values():
            found[room]["untried" if code in _UNTRIED else _UNNOTICED.get(code, "noticed")] += 1
    return found


def typescript_results() -> dict[str, Counter[str]]:
    """How mutants ended, by room."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    ends = {"Survived": "survived", "NoCoverage": "no test", "Pending": "untried"}
    for path in BUILD.glob("typescript*.json"):
        for file, report in json.loads(path.read_text())["files"].items():
            for mutant in report["mutants"]:
                if mutant["status"] != "Ignored":
                    room = str(Path(file).parent)
                    found[room][ends.get(mutant["status"], "noticed")] += 1
    return found


if __name__ == "__main__":
    main()
