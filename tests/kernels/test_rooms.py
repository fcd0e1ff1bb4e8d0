"""The rooms of the kernels stand in an order, and nothing goes round in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import induction_kernels
import pytest

HOUSE = Path(induction_kernels.__file__).parent
PACKAGE = HOUSE.name

#: Each imports only from those before it. What everybody uses has no room, and comes before all.
ROOMS = (
    "models", "inputs", "attention", "checkpoints", "scores", "heads", "losses", "changes",
    "causes", "sweeps", "plots", "demo",
)  # fmt: skip

#: The package itself brings the public names together.
SOURCES = sorted(path for path in HOUSE.rglob("*.py") if path != HOUSE / "__init__.py")


def module_name(path: Path) -> str:
    parts = path.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module_name(path) for path in SOURCES} | {PACKAGE}


def imports(source: str, package: str) -> Iterator[str]:
    """The modules of ours that a source imports, wherever it does: within functions and for types
    only, too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{package} imports {node.module} by where it stands"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            module = name
            while module and module not in NAMES:
                module = module.rpartition(".")[0]
            if module:
                yield module


def room(name: str) -> int:
    """Its place in the order; -1 of what everybody uses."""
    parts = name.split(".")
    return ROOMS.index(parts[1]) if len(parts) > 1 and parts[1] in ROOMS else -1


def out_of_order(name: str, source: str) -> set[str]:
    """What a module may not import: a later room, or the package, which imports them all."""
    return {one for one in imports(source, name) if one == PACKAGE or room(one) > room(name)}


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_each_room_imports_only_from_rooms_before_it(path: Path) -> None:
    assert not out_of_order(module_name(path), path.read_text())


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {module_name(path): set(imports(path.read_text(), "")) for path in SOURCES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_every_folder_of_the_kernels_is_a_room() -> None:
    folders = {path.name for path in HOUSE.iterdir() if (path / "__init__.py").exists()}
    assert folders == set(ROOMS)


@pytest.mark.parametrize(
    "line",
    [
        "from induction_kernels.sweeps.run import sweep",
        "from induction_kernels.sweeps import run",
        "import induction_kernels.sweeps.run",
        "from induction_kernels import sweep",
        "def f():\n    from induction_kernels.sweeps.run import sweep",
        "if TYPE_CHECKING:\n    from induction_kernels.plots import head_grid",
    ],
)
def test_an_import_of_a_later_room_is_seen_however_it_is_written(line: str) -> None:
    assert out_of_order("induction_kernels.scores.registry", line)


def test_an_import_of_an_earlier_room_is_allowed() -> None:
    line = "from induction_kernels.inputs.probes import RepeatedTokens"
    assert not out_of_order("induction_kernels.scores.registry", line)
