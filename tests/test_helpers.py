"""What tests share stands in modules of its own: a test file is read by nobody but its reader."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parent
PYTHON = sorted(
    path
    for folder in ("tests", "tools")
    for path in (TESTS.parent / folder).rglob("*.py")
    if "node_modules" not in path.parts
)
TYPESCRIPT = sorted((TESTS / "js").rglob("*.ts*"))


def imported(path: Path) -> set[str]:
    """The last words of the modules that a file imports."""
    if path.suffix != ".py":
        sources = re.findall(r"""(?:from|import\()\s*["']([^"']+)["']""", path.read_text())
        return {source.rpartition("/")[2] for source in sources}
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(alias.name for alias in node.names)}
    return {name.rpartition(".")[2] for name in names}


def test_no_file_imports_a_test_file() -> None:
    tests = {path.stem for path in PYTHON if path.name.startswith("test_")} | {"conftest"}
    tests |= {name for p in TYPESCRIPT if ".test." in p.name for name in (p.name, p.stem)}
    importing = {path.name: sorted(imported(path) & tests) for path in [*PYTHON, *TYPESCRIPT]}
    assert {name: found for name, found in importing.items() if found} == {}


def test_every_module_has_a_name_of_its_own() -> None:
    """The folders of tests and tools are all on the path: the first of a name hides the others."""
    count = Counter(path.stem for path in PYTHON if path.stem not in ("conftest", "__init__"))
    assert [name for name, times in count.items() if times > 1] == []
