"""The options of tabs, which their files declare (js/src/tabs/tab.ts) and `make contract` writes
down."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import traitlets
from induction_kernels.losses.measure import MEASURES

Test = tuple[Callable[[Any], bool], str]

_DECLARED: dict[str, dict[str, str | list[str]]] = json.loads(
    (Path(__file__).parent / "options.gen.json").read_text()
)

#: Every tab: beside those of the file, one a measure, which has no options.
TABS = [*(name for name, measure in MEASURES.items() if measure.per != "row"), *_DECLARED]


def one_of(*allowed: str) -> Test:
    """Whether it is one of these names, and which they are in words."""
    return (lambda value: value in allowed, " or ".join(map(repr, allowed)))


def is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_KINDS: Mapping[str, Test] = {
    "flag": (lambda value: isinstance(value, bool), "True or False"),
    "text": (lambda value: isinstance(value, str), "a name"),
    "indices": (
        lambda value: isinstance(value, list | tuple) and all(map(is_index, value)),
        "a list of whole numbers from 0",
    ),
}


def check_options(tabs: Mapping[str, Mapping[str, Any]]) -> None:
    """Whether each tab has these options, and may have them so.

    Raises:
        traitlets.TraitError: not; says what it may have.
    """
    for tab, options in tabs.items():
        if tab not in TABS:
            raise traitlets.TraitError(f"view['tabs'] has {tab!r}; it may have {', '.join(TABS)}.")
        declared = _DECLARED.get(tab, {})
        for name, value in options.items():
            where = f"view['tabs'][{tab!r}]"
            if name not in declared:
                may = f"may have {', '.join(declared)}" if declared else "has no options"
                raise traitlets.TraitError(f"{where} has {name!r}; it {may}.")
            kind = declared[name]
            is_allowed, words = _KINDS[kind] if isinstance(kind, str) else one_of(*kind)
            if not is_allowed(value):
                raise traitlets.TraitError(f"{where}[{name!r}] is {value!r}; it must be {words}.")
