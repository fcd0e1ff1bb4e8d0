"""What a head is called: the class whose selectivity is largest, if it is large.

A class says where a head looks on random tokens (`selectivity`), not what it writes, nor that the
model needs it. Many heads look at several places: the second class is named with the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from induction_kernels.errors import SelectionError

if TYPE_CHECKING:
    import xarray

#: Selectivity from which a head is named. arXiv 2606.02378 names heads from 30, too, and finds that
#: induction in its models rests on those above 10 to 100. In untrained models, where only random
#: position embeddings tell places apart, no class reaches 5; with 16 rows instead of 400 only
#: heads between 20 and 45 came to another side.
THRESHOLD = 30.0

#: The value of `head_class` for a head that has all six numbers, and none from the threshold.
UNNAMED = "unnamed"


@dataclass(frozen=True)
class HeadClass:
    """A name, the letter that marks it in a grid, and what the heads of it do."""

    name: str
    letter: str
    title: str

    @property
    def score(self) -> str:
        return f"{self.name}_selectivity"


#: In the order in which ties are broken, that of the paper.
CLASSES: tuple[HeadClass, ...] = (
    HeadClass("induction", "I", "Induction"),
    HeadClass("previous", "P", "Previous token"),
    HeadClass("duplicate", "D", "Duplicate token"),
    HeadClass("first", "F", "First token"),
    HeadClass("self", "S", "Self"),
    HeadClass("local", "L", "Local"),
)


def head_classes(scores: xarray.Dataset, threshold: float = THRESHOLD) -> xarray.Dataset:
    """Names for the heads of a model, or of every checkpoint of a series.

    The class of a head is that of its largest selectivity, where that is `threshold` or more; the
    second class is that of the next largest. Of equal ones the first of `CLASSES` comes first. A
    head that lacks any of the six numbers has no class and is not counted.

    Args:
        scores: what `head_scores` or `sweep` returns, with the six selectivities.

    Returns:
        With the dims of the scores: `head_class`, a name of `CLASSES`, "unnamed", or "" where a
        number is missing; `second_class`, a name or "" there; `selectivity` and
        `second_selectivity`, theirs. Without layer and head and with a dim class: `count`, the
        number of heads of each class, "unnamed" last. The threshold is an attribute.

    Raises:
        SelectionError: one of the selectivities is not among the scores, or a threshold that is
            not a number above 0.
    """
    import xarray

    missing = [one.score for one in CLASSES if one.score not in scores]
    if missing:
        raise SelectionError(
            f"The scores lack {', '.join(missing)}.",
            "head_scores(model) and sweep(series) have them unless scores= leaves them out; a "
            "model with a context below 64 has none.",
        )
    if not threshold > 0:
        raise SelectionError(
            f"threshold={threshold!r} was given.",
            f"Give a number above 0; 1 is attention spread evenly, {THRESHOLD:g} the default.",
        )
    first = scores[CLASSES[0].score]
    values = np.stack([scores[one.score].transpose(*first.dims).values for one in CLASSES])
    best, second = ranked(values)
    names = np.array([*(one.name for one in CLASSES), UNNAMED, ""])
    largest = np.take_along_axis(values, best[None], 0)[0]
    known = np.isfinite(values).all(0)
    named = np.where(largest >= threshold, best, len(CLASSES))
    where = np.where(known, named, len(CLASSES) + 1)
    counts = np.stack([where == i for i in range(len(CLASSES) + 1)], -1)
    dims = first.dims
    heads = tuple(dims.index(dim) for dim in ("layer", "head"))
    along = tuple(dim for dim in dims if dim not in ("layer", "head"))
    of_second = np.take_along_axis(values, second[None], 0)[0]
    return xarray.Dataset(
        {
            "head_class": (dims, names[where]),
            "second_class": (dims, names[np.where(known, second, len(CLASSES) + 1)]),
            "selectivity": (dims, np.where(known, largest, np.nan).astype(np.float32)),
            "second_selectivity": (dims, np.where(known, of_second, np.nan).astype(np.float32)),
            "count": ((*along, "class"), counts.sum(heads)),
        },
        coords={**first.coords, "class": names[: len(CLASSES) + 1]},
        attrs={**scores.attrs, "threshold": threshold},
    )


def ranked(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which is largest and which next, along the first axis; of equal ones the first."""
    order = np.argsort(-values, axis=0, kind="stable")
    return order[0], order[1]
