"""The state of the view as one value: what `explorer.view` saves and restores.

It is the public traits, and under them what JavaScript alone arranges: `ViewState` of
js/src/state/view-state.ts, held in the trait `_view`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import traitlets

#: Traits that are part of the view, in the order in which they are restored: each is checked
#: against those before it.
PARTS = ("series", "checkpoint", "compare", "score", "heads", "prompt", "answer")


def _one_of(*allowed: str) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: value in allowed, " or ".join(map(repr, allowed)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_pair(value: Any, each: Callable[[Any], bool]) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(map(each, value))
        and value[0] <= value[1]
    )


_TEXT = (lambda value: isinstance(value, str), "a name")
_SWITCH = (lambda value: isinstance(value, bool), "True or False")

#: Each key of `ViewState`: the test of a value, and what is allowed in words.
ARRANGED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "tab": _TEXT,
    "x_scale": _one_of("log", "linear"),
    "window": (
        lambda value: value is None or _is_pair(value, _is_number),
        "None or [first, last] in the unit of the page's axis of training",
    ),
    "window_unit": (
        lambda value: value in (None, "tokens", "steps"),
        "None, 'tokens' or 'steps'",
    ),
    "brush": (
        lambda value: value is None or _is_pair(value, _is_index),
        "None or [first, last] checkpoint",
    ),
    "tokens": (
        lambda value: isinstance(value, list | tuple) and all(map(_is_index, value)),
        "positions of the prompt, from 0",
    ),
    "against": _TEXT,
    "trails": _SWITCH,
    "pca": _one_of("joint", "standardised"),
    "ablation": _one_of("zero", "mean", "resample"),
    "frozen": _SWITCH,
}


def check_arranged(arranged: Mapping[str, Any]) -> dict[str, Any]:
    """What JavaScript arranges, checked.

    Raises:
        traitlets.TraitError: a key or a value that does not exist; says what does.
    """
    for key, value in arranged.items():
        if key not in ARRANGED:
            raise traitlets.TraitError(
                f"view has {key!r}; it may have {', '.join([*PARTS, *ARRANGED])}."
            )
        is_allowed, words = ARRANGED[key]
        if not is_allowed(value):
            raise traitlets.TraitError(f"view[{key!r}] is {value!r}; it must be {words}.")
    return dict(arranged)


def split(view: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The traits in a view, in the order to restore them, and what JavaScript arranges.

    Raises:
        traitlets.TraitError: not a view, or a key or an arranged value that does not exist.
    """
    if not isinstance(view, Mapping):
        raise traitlets.TraitError(f"view is {view!r}; it must be a dict, as explorer.view gives.")
    traits = {name: view[name] for name in PARTS if name in view}
    return traits, check_arranged({k: v for k, v in view.items() if k not in PARTS})
