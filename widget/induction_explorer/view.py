"""The state of the view as one value: what `explorer.view` saves and restores.

It is the public traits, and under them what JavaScript alone arranges: `ViewState` of
js/src/kernel/model.ts, held in the trait `_view`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import traitlets
from induction_kernels.scores.classes import CLASSES

from induction_explorer.options import TABS, check_options, is_index, one_of

#: Traits that are part of the view, in the order in which they are restored: each is checked
#: against those before it.
PARTS = ("series", "checkpoint", "compare", "score", "heads", "prompts", "prompt", "answer")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_pair(value: Any, each: Callable[[Any], bool]) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(map(each, value))
        and value[0] <= value[1]
    )


def _are_options(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(tab, str)
        and isinstance(options, Mapping)
        and all(isinstance(name, str) for name in options)
        for tab, options in value.items()
    )


#: Each key of `ViewState`: the test of a value, and what is allowed in words.
ARRANGED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "tab": one_of(*TABS),
    "x_scale": one_of("log", "linear"),
    "attention_scale": one_of("linear", "square root", "log"),
    "attention_of": one_of("attention", "value", "output"),
    "compared_scores": one_of("change", "value"),
    "compared_patterns": one_of("beside", "split"),
    "compared_series": (
        lambda value: value is None or is_index(value),
        "None or the index of a series",
    ),
    "head_classes": one_of("marked", "plain", *(one.name for one in CLASSES)),
    "window": (
        lambda value: value is None or _is_pair(value, _is_number),
        "None or [first, last] in the unit of the page's axis of training",
    ),
    "window_unit": (
        lambda value: value in (None, "tokens", "steps"),
        "None, 'tokens' or 'steps'",
    ),
    "brush": (
        lambda value: value is None or _is_pair(value, is_index),
        "None or [first, last] checkpoint",
    ),
    "tabs": (
        _are_options,
        "the options of each tab by its name, as in {'ablation': {'how': 'mean'}}",
    ),
}

#: What older views hold beside the tab: the tab that each became an option of, and its name there.
_MOVED = {
    "tokens": ("passage", "tokens"),
    "against": ("scatter", "against"),
    "trails": ("scatter", "trails"),
    "pca": ("loss_pca", "fit"),
    "ablation": ("ablation", "how"),
    "frozen": ("ablation", "frozen"),
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
    check_options(arranged.get("tabs", {}))
    return dict(arranged)


def translated(view: Mapping[str, Any]) -> dict[str, Any]:
    """A view as it is saved today, of one that was saved when options stood beside their tabs."""
    kept = {key: value for key, value in view.items() if key not in _MOVED}
    moved: dict[str, dict[str, Any]] = {}
    for key in _MOVED.keys() & view.keys():
        tab, option = _MOVED[key]
        moved.setdefault(tab, {})[option] = view[key]
    if not moved:
        return kept
    tabs = kept.get("tabs", {})
    return kept | {"tabs": tabs | {tab: tabs.get(tab, {}) | moved[tab] for tab in moved}}


def split(view: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The traits in a view, in the order to restore them, and what JavaScript arranges.

    Raises:
        traitlets.TraitError: not a view, or a key or an arranged value that does not exist.
    """
    if not isinstance(view, Mapping):
        raise traitlets.TraitError(f"view is {view!r}; it must be a dict, as explorer.view gives.")
    view = translated(view)
    traits = {name: view[name] for name in PARTS if name in view}
    return traits, check_arranged({k: v for k, v in view.items() if k not in PARTS})


def in_order(view: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The traits that a view sets, one after the other but for what belongs together: a prompt and
    its answer are one run, of those that there are.

    Raises:
        traitlets.TraitError: as `split`.
    """
    traits, arranged = split(view)
    run: dict[str, Any] = {
        name: traits.pop(name) for name in ("prompts", "prompt", "answer") if name in traits
    }
    return [*({name: value} for name, value in traits.items()), run, {"_view": arranged}]
