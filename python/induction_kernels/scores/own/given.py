"""What a caller gives as scores: names of ours, and their own in any form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from induction_kernels.errors import SelectionError
from induction_kernels.scores.own.arrays import array_score
from induction_kernels.scores.own.functions import function_score
from induction_kernels.scores.own.naming import checked_name, title_of
from induction_kernels.scores.score import Score

if TYPE_CHECKING:
    import xarray

    OneScore = str | Score | Callable[[Any, Any], Any] | xarray.DataArray | xarray.Dataset
    #: One, several, or several by name; None where nothing was chosen.
    Scores = OneScore | Iterable[OneScore] | Mapping[str, OneScore] | None
else:  # xarray need not be there to be asked for names
    Scores = Any

_WANTED = (
    "Give names of scores, an xarray.DataArray or Dataset with dims (checkpoint, layer, head) or "
    "(layer, head), a function (model, probe) -> [layer, head], or what attention_score(...) and "
    "function_score(...) make; one, a list of them, or a dict with their names."
)


def listed(scores: Any) -> list[str | Score]:
    """Names of ours as they are, the reader's own as scores, in the order given.

    Raises:
        SelectionError: something else, or a name of the reader's that cannot be one.
    """
    if isinstance(scores, str | Score) or callable(scores) or _is_labelled(scores):
        return _one(scores)
    if isinstance(scores, Mapping):
        return [_named(name, one) for name, one in scores.items()]
    try:
        given = list(scores)
    except TypeError:
        raise _refused(scores) from None
    found: list[str | Score] = []
    for one in given:
        found += listed(one) if isinstance(one, Mapping) and not _is_labelled(one) else _one(one)
    return found


def _one(score: Any) -> list[str | Score]:
    if isinstance(score, str | Score):
        return [score]
    if _is_labelled(score):
        several = hasattr(score, "data_vars")
        return _of_dataset(score) if several else [array_score(score.name, score)]
    if callable(score):
        return [function_score(score)]
    raise _refused(score)


def _named(name: Any, score: Any) -> str | Score:
    checked_name(name, "A score")
    if isinstance(score, Score):
        titled = score.title != title_of(score.name)
        return replace(score, name=name, title=score.title if titled else title_of(name), own=True)
    if _is_labelled(score) and not hasattr(score, "data_vars"):
        return array_score(name, score)
    if callable(score) and not _is_labelled(score):
        return function_score(score, name=name)
    raise SelectionError(
        f"{name!r} is {_kind(score)}.",
        "In a dict give an array, a function, or what attention_score(...) makes under each name.",
    )


def _of_dataset(dataset: Any) -> list[str | Score]:
    """A score a variable that has heads; what the whole says of its series is said of each."""
    arrays = [one for one in dataset.data_vars.values() if {"layer", "head"} <= set(one.dims)]
    if not arrays:
        raise SelectionError(
            f"A dataset with {', '.join(map(str, dataset.data_vars)) or 'no variables'} was given; "
            "none has the dimensions layer and head.",
            _WANTED,
        )
    of_all = {key: dataset.attrs[key] for key in ("series",) if key in dataset.attrs}
    return [array_score(one.name, one.assign_attrs(of_all | one.attrs)) for one in arrays]


def _is_labelled(value: Any) -> bool:
    """Of xarray, which need not be imported to see it."""
    return any(kind.__module__.partition(".")[0] == "xarray" for kind in type(value).__mro__)


def _kind(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


def _refused(value: Any) -> SelectionError:
    hint = _WANTED
    if hasattr(value, "shape"):
        hint = (
            "An array needs names of its dimensions: xarray.DataArray(values, dims=('checkpoint', "
            "'layer', 'head'), coords={'step': ('checkpoint', series.steps)}, name='my_score')."
        )
    return SelectionError(f"{_kind(value)} is no score.", hint)
