"""What a sweep says of the reader's own scores: where they have no numbers, what they changed."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from induction_kernels.sweeps.contents import Found

if TYPE_CHECKING:
    import xarray

#: Attributes of a score's variable: at which checkpoints a score has no numbers and why, and what a
#: function changed of the model. A store keeps both by the labels of checkpoints.
FAULTS, CHANGED = "faults", "changed"
#: So many checkpoints are named.
_NAMED = 2


def said_of(name: str, found: Iterable[tuple[str, Found]]) -> dict[str, dict[str, str]]:
    """Of one score, by the label of each checkpoint of which there is something to say."""
    every = list(found)
    faults = {label: one.faults[name] for label, one in every if name in one.faults}
    changed = {label: one.changed[name] for label, one in every if name in one.changed}
    return {key: said for key, said in ((FAULTS, faults), (CHANGED, changed)) if said}


def as_attrs(said: Mapping[str, Mapping[str, str]], labels: Iterable[str]) -> dict[str, list[str]]:
    """As a dataset has it, of these checkpoints in this order."""
    order = list(labels)
    lines = {
        key: [f"{label}: {of[label]}" for label in order if label in of] for key, of in said.items()
    }
    return {key: one for key, one in lines.items() if one}


def warn_of(found: xarray.Dataset) -> None:
    """Warn whoever called the caller of what is said of the scores in a dataset."""
    for name, one in found.data_vars.items():
        _warn(f"{name} has no numbers at", one.attrs.get(FAULTS, ()))
        _warn(f"{name} changed the model, which was undone, at", one.attrs.get(CHANGED, ()))


def _warn(what: str, lines: Any) -> None:
    if lines:
        more = f"; and {len(lines) - _NAMED} more" if len(lines) > _NAMED else ""
        count = f"{len(lines)} checkpoint{'s' if len(lines) > 1 else ''}"
        warnings.warn(f"{what} {count}: {'; '.join(lines[:_NAMED])}{more}", stacklevel=4)
