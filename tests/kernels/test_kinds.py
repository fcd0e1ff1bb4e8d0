"""What kind of model it is, is asked in one place, and the insides of bridges are known in one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import induction_kernels
import pytest

HOUSE = Path(induction_kernels.__file__).parent
SOURCES = {
    path.relative_to(HOUSE).as_posix(): path.read_text() for path in sorted(HOUSE.rglob("*.py"))
}

INSIDES = {"original_model", "original_component", "_original_component", "NativeModel",
           "compatibility_mode"}  # fmt: skip


def words(source: str) -> Iterator[str]:
    """Attributes, and strings of one word, as getattr takes them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.removeprefix(".")


def asks_for_kind(source: str) -> bool:
    """Of a model: a kind is a word for other things, too."""
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == "kind"
        and (getattr(node.value, "id", None) or getattr(node.value, "attr", "")).endswith("model")
        for node in ast.walk(ast.parse(source))
    )


def test_one_module_knows_what_bridges_are_made_of() -> None:
    # The bundled series are made of TransformerLens' native models.
    knowing = {
        name
        for name, source in SOURCES.items()
        if INSIDES & set(words(source)) and not name.startswith("demo/")
    }
    assert knowing == {"models/bridges.py"}


def test_one_module_asks_what_kind_of_model_it_is() -> None:
    assert {name for name, source in SOURCES.items() if asks_for_kind(source)} == {
        "attention/reach.py"
    }


@pytest.mark.parametrize(
    "line",
    ["if model.kind == 'x': pass", "ways[self.model.kind]", "self._model.kind"],
)
def test_asking_is_seen(line: str) -> None:
    assert asks_for_kind(line)


@pytest.mark.parametrize(
    "line",
    ["module.original_model", "getattr(x, 'original_model', None)", "type(x) == 'NativeModel'"],
)
def test_knowing_is_seen(line: str) -> None:
    assert INSIDES & set(words(line))
