"""A score of the reader's own that was computed elsewhere: numbers along training, or of one
checkpoint, which are matched to the checkpoints of a series."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from induction_kernels.checkpoints.checkpoint import Checkpoint
from induction_kernels.errors import InductionError, SelectionError
from induction_kernels.models.model import Model
from induction_kernels.scores.own.naming import checked_name, title_of
from induction_kernels.scores.own.values import as_grid
from induction_kernels.scores.score import YOURS, Facts, Range, Score

if TYPE_CHECKING:
    import xarray

#: What an array is matched by; each may be the name of its dimension along training.
_ALONG = ("step", "tokens")
#: Attributes that say where among several series an array belongs, and of which checkpoint it is.
_SERIES, _CHECKPOINT = "series", "checkpoint"


@dataclass(frozen=True, kw_only=True, eq=False)
class ArrayScore(Score):
    """Numbers of heads at some checkpoints.

    Attributes:
        values: [row, layer, head], read when they are wanted.
        by: what the rows are matched by: "step", "tokens", the "checkpoint" that they name; None
            of one row that may only be a series' one checkpoint.
        rows: which row has the numbers of each step, number of tokens or label.
        layers, heads: the number of each place, where the array has fewer than the model or in
            another order; None where it has them all.
        series: the name of the series it belongs to; None where it does not say.
    """

    values: xarray.DataArray
    by: Literal["step", "tokens", "checkpoint"] | None
    rows: Mapping[int | str | None, int]
    layers: tuple[int, ...] | None
    heads: tuple[int, ...] | None
    series: str | None
    range: Range
    chance: float | None
    measured_on: str

    @property
    def group(self) -> str:
        return YOURS

    def left_out(self, model: Model, text_given: bool) -> str | None:
        return None

    def row_of(self, checkpoint: Checkpoint) -> int | None:
        """The row with a checkpoint's numbers; None where there is none."""
        if self.by is None:
            return 0
        at = checkpoint
        key = {"step": at.step, "tokens": at.tokens, "checkpoint": at.label}[self.by]
        return None if key is None else self.rows.get(key)

    def at(
        self, checkpoint: Checkpoint, shape: tuple[int, int]
    ) -> Float[Tensor, "layer head"] | None:
        """float32, NaN where the array has nothing of a head; None where it has nothing of the
        checkpoint, or only NaN.

        Raises:
            InductionError: infinity; names the head.
        """
        row = self.row_of(checkpoint)
        if row is None:
            return None
        found = np.asarray(self.values[row].values, np.float64)
        if np.isnan(found).all():
            return None
        grid = np.full(shape, np.nan)
        layers = range(shape[0]) if self.layers is None else self.layers
        heads = range(shape[1]) if self.heads is None else self.heads
        grid[np.ix_(layers, heads)] = found
        return as_grid(grid, self.name, shape)

    def check(
        self, name: str, checkpoints: Sequence[Checkpoint], shape: tuple[int, int]
    ) -> list[int]:
        """Which of a series' checkpoints it has numbers of.

        Args:
            name: of the series.
            shape: its layers and heads.

        Raises:
            SelectionError: it is another series', has other heads or no common checkpoint, or
                holds no number there.
        """
        if self.series is not None and self.series != name:
            raise SelectionError(
                f"{self.name} says that it is of {self.series}, not of {name}.",
                "Give the series that it is of, or drop the attribute 'series' of the array.",
            )
        self._check_shape(name, shape)
        if self.by is None and len(checkpoints) > 1:
            raise SelectionError(
                f"{self.name} does not say of which of the {len(checkpoints)} checkpoints of "
                f"{name} it is.",
                f"Say it: {self.name}.assign_coords(step={checkpoints[-1].step}).",
            )
        found = [i for i, one in enumerate(checkpoints) if self.row_of(one) is not None]
        if not found:
            raise self._nothing_common(name, checkpoints)
        if not any(
            np.isfinite(np.asarray(self.values[self.row_of(checkpoints[i])].values)).any()
            for i in found
        ):
            raise SelectionError(
                f"{self.name} is no number (NaN) for every head at every checkpoint of {name}.",
                "Give an array that holds some.",
            )
        return found

    def _check_shape(self, name: str, shape: tuple[int, int]) -> None:
        sizes = self.values.shape[1:]
        for dim, mine, own, size in zip(
            ("layer", "head"), (self.layers, self.heads), sizes, shape, strict=True
        ):
            if mine is None and own != size:
                raise SelectionError(
                    f"{self.name} has {sizes[0]} layers of {sizes[1]} heads; {name} has "
                    f"{shape[0]} of {shape[1]}.",
                    f"Give one number a head, or say which it has: assign_coords({dim}=[...]).",
                )
            wrong = [] if mine is None else [one for one in mine if not 0 <= one < size]
            if wrong:
                raise SelectionError(
                    f"{self.name} has {dim} {wrong[0]}; those of {name} go from 0 to {size - 1}.",
                    "Is it of another model?",
                )

    def _nothing_common(self, name: str, checkpoints: Sequence[Checkpoint]) -> SelectionError:
        if self.by == "checkpoint":
            there = ", ".join(str(one) for one in self.rows)
            return SelectionError(
                f"{self.name} is of {there}, which {name} does not have.",
                f"It has {checkpoints[0].label} to {checkpoints[-1].label}.",
            )
        keys = sorted(one for one in self.rows if isinstance(one, int))
        own = [one.step if self.by == "step" else one.tokens for one in checkpoints]
        known = [one for one in own if one is not None]
        there = f"{min(known):,} to {max(known):,}" if known else "unknown"
        return SelectionError(
            f"{self.name} has no checkpoint in common with {name}: its {len(keys)} "
            f"{_plural(self.by)} go from {keys[0]:,} to {keys[-1]:,}, the {len(checkpoints)} of "
            f"the series are {there if not known else 'from ' + there}.",
            f"They have to be the same numbers; assign_coords({self.by}=...) sets those of the "
            "array.",
        )

    def facts(self) -> Facts:
        return Facts(
            self.range,
            self.chance,
            self.measured_on,
            {"matched_by": self.by or "the only checkpoint", "values_hash": self._hash},
        )

    @cached_property
    def _hash(self) -> str:
        """Of all numbers and of what they are matched by; 16 hexadecimal digits."""
        digest = hashlib.sha256(repr((self.by, self.layers, self.heads)).encode())
        for key, row in sorted(self.rows.items(), key=lambda item: str(item[0])):
            digest.update(repr(key).encode())
            digest.update(np.asarray(self.values[row].values, "<f8").tobytes())
        return digest.hexdigest()[:16]


def _plural(by: str | None) -> str:
    return "steps" if by == "step" else "numbers of tokens"


def array_score(name: object, array: xarray.DataArray) -> ArrayScore:
    """An array with dims layer and head, and one along training or none.

    The numbers of a checkpoint are those with its step; without steps, with its tokens. These are
    coordinates `step` and `tokens`, and either may be the dimension itself. Coordinates of layer
    and head say which heads there are, where it is not all of them. The attributes long_name,
    formula, description, units, source, chance, valid_range, measured_on and series are shown.

    Raises:
        SelectionError: a name that cannot be one, other dimensions, nothing to match by, no
            numbers, or two rows for one checkpoint.
    """
    name = checked_name(name, "An array")
    along = [str(dim) for dim in array.dims if dim not in {"layer", "head"}]
    if not {"layer", "head"} <= set(array.dims) or len(along) > 1:
        raise SelectionError(
            f"{name} has the dimensions {', '.join(map(str, array.dims)) or 'none'}.",
            "Give (checkpoint, layer, head) or (layer, head), in any order: array.rename(...) "
            "names them.",
        )
    if array.dtype.kind not in "fiub":
        raise SelectionError(f"{name} holds {array.dtype}.", "Give numbers.")
    by, rows = _rows(name, array, along)
    values = array if along else array.expand_dims("row")
    attrs = array.attrs
    return ArrayScore(
        name=name,
        title=str(attrs.get("title") or attrs.get("long_name") or title_of(name)),
        formula=str(attrs.get("formula", "numbers that were given")),
        meaning=str(attrs.get("meaning") or attrs.get("description") or ""),
        source=str(attrs.get("source", "the reader's own")),
        own=True,
        units=str(attrs.get("units", "1")),
        values=values.transpose(*(along or ["row"]), "layer", "head"),
        by=by,
        rows=rows,
        layers=_places(name, array, "layer"),
        heads=_places(name, array, "head"),
        series=attrs.get(_SERIES),
        range=_range(name, attrs),
        chance=_number(name, "chance", attrs.get("chance")),
        measured_on=str(attrs.get("measured_on", "what the array was computed on")),
    )


def _rows(name: str, array: xarray.DataArray, along: list[str]) -> tuple[Any, dict[Any, int]]:
    for key in _ALONG:
        if key in array.coords and list(array[key].dims) == along:
            return key, _numbered(name, key, np.atleast_1d(array[key].values))
    if not along:
        said = {key: array.attrs[key] for key in (*_ALONG, _CHECKPOINT) if key in array.attrs}
        for key, value in said.items():
            return key, {value if key == _CHECKPOINT else _whole(name, key, value): 0}
        return None, {None: 0}
    raise SelectionError(
        f"{name} does not say which checkpoints its {array.sizes[along[0]]} are.",
        f"Give their steps: array.assign_coords(step=({along[0]!r}, series.steps)), or tokens.",
    )


def _numbered(name: str, key: str, values: np.ndarray) -> dict[int, int]:
    """Rows of which the number is not known belong to no checkpoint."""
    if values.dtype.kind not in "fiu":
        raise SelectionError(f"The {key} of {name} are {values.dtype}.", "Give whole numbers.")
    rows: dict[int, int] = {}
    for row, value in enumerate(values):
        if not np.isfinite(value):
            continue
        number = _whole(name, key, value)
        if number in rows:
            raise SelectionError(
                f"{name} has {key} {number:,} twice.", "Give one row for each checkpoint."
            )
        rows[number] = row
    if not rows:
        raise SelectionError(f"{name} has no {key} that is a number.", "Give whole numbers.")
    return rows


def _whole(name: str, key: str, value: Any) -> int:
    if isinstance(value, str) or not float(value).is_integer():
        raise SelectionError(f"{name} has {key} {value}.", "Give whole numbers.")
    return int(value)


def _places(name: str, array: xarray.DataArray, dim: str) -> tuple[int, ...] | None:
    if dim not in array.coords:
        return None
    values = array[dim].values
    if values.dtype.kind not in "fiu" or len(set(values.tolist())) != len(values):
        raise SelectionError(
            f"The coordinate {dim} of {name} is {values.tolist()!r}.",
            f"Give the number of each {dim}, from 0, once.",
        )
    return tuple(_whole(name, dim, value) for value in values)


def _range(name: str, attrs: Mapping[Any, Any]) -> Range:
    ends = attrs.get("valid_range", (attrs.get("valid_min"), attrs.get("valid_max")))
    try:
        low, high = ends
    except (TypeError, ValueError) as error:
        raise SelectionError(
            f"The valid_range of {name} is {ends!r}.", "Give the smallest and the largest."
        ) from error
    return _number(name, "valid_range", low), _number(name, "valid_range", high)


def _number(name: str, key: str, value: Any) -> float | None:
    try:
        number = None if value is None else float(value)
    except (TypeError, ValueError) as error:
        raise SelectionError(f"The {key} of {name} is {value!r}.", "Give a number.") from error
    return number if number is None or np.isfinite(number) else None


def given_rows(
    scores: Iterable[ArrayScore], checkpoint: Checkpoint, shape: tuple[int, int]
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """What arrays have of a checkpoint, by name, NaN where that is nothing; and what is wrong with
    those that cannot be read there."""
    found: dict[str, np.ndarray] = {}
    faults: dict[str, str] = {}
    for score in scores:
        grid = None
        try:
            grid = score.at(checkpoint, shape)
        except InductionError as error:
            faults[score.name] = str(error)
        found[score.name] = (torch.full(shape, torch.nan) if grid is None else grid).numpy()
    return found, faults
