"""What can be asked of a checkpoint is declared once: messages are checked by it, and TypeScript's
types come from it."""

from __future__ import annotations

import json
from typing import Any

import contract as generator
import induction_explorer.analyses  # noqa: F401 (enters them)
import pytest
from induction_explorer.contract import ANALYSES, Analysis, read
from induction_kernels.errors import SelectionError
from msgspec import structs


def test_typescript_knows_what_python_declares() -> None:
    assert generator.TARGET.read_text() == generator.typescript(), "run `make contract`"


GOOD = {"head": [0, 1], "heads": [[0, 1]], "how": "zero", "frozen": False, "token": 0}
GOOD |= {"first": 0, "last": 0, "query": 0, "by": "value", "top": 1}
GOOD |= {"metric": "answer_logit"}
WRONG: list[Any] = [None, -1, 1.5, "noise", [], [1], [1, -2], [[0]], {"a": 1}, True, [[0, 1], "x"]]


@pytest.mark.parametrize("kind", sorted(ANALYSES))
@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_a_field_that_is_not_what_it_may_be_is_named(kind: str, value: Any) -> None:
    """With what was given and what is allowed, whatever was given."""
    declared = ANALYSES[kind]
    for field in structs.fields(declared):
        error = _refusal(declared, GOOD | {field.name: value})
        if error is not None:
            assert f"'{field.name}' of a request of kind '{kind}' is {value!r}" in error.message
            assert error.hint.startswith("It must be ")
        missing = _refusal(declared, {k: v for k, v in GOOD.items() if k != field.name})
        assert missing is not None
        assert f"came without '{field.name}'" in missing.message


def _refusal(declared: type[Analysis], message: dict[str, Any]) -> SelectionError | None:
    try:
        found = read(declared, declared.kind, message)
    except SelectionError as error:
        return error
    for name, value in structs.asdict(found).items():
        assert json.loads(json.dumps(value)) == message[name]
    return None


def test_what_may_be_is_taken() -> None:
    for declared in ANALYSES.values():
        assert _refusal(declared, GOOD) is None


def test_two_that_ask_the_same_are_equal() -> None:
    def ask(**fields: Any) -> Analysis:
        return read(ANALYSES["ablation"], "ablation", {"how": "zero", "frozen": False} | fields)

    one, same, other = (ask(heads=h) for h in ([[1, 2]], [(1, 2)], [[1, 3]]))
    assert one == same != other
    assert hash(one) == hash(same)
