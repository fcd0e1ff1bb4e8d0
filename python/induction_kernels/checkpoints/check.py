"""A table of what is known of each checkpoint's integrity."""

from __future__ import annotations

import weakref
from collections.abc import Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from torch import Tensor

from induction_kernels.checkpoints.distances import out_of_place, sketch
from induction_kernels.checkpoints.findings import (
    Finding,
    Hashed,
    Hashes,
    Identities,
    out_of_order,
)
from induction_kernels.checkpoints.integrity import check_numbers
from induction_kernels.checkpoints.source import Source
from induction_kernels.errors import CheckpointError, UnlistedError

if TYPE_CHECKING:
    import pandas as pd

#: Of several findings on one checkpoint, which its row is of.
_WORST_FIRST = ("fault", "unknown", "note")


@runtime_checkable
class Told(Protocol):
    def see_findings(self) -> None:
        """A check is done."""


class Found(dict[int, list[Finding]]):
    """What the last check of each of a source's checkpoints found, by its index there; nothing of
    those that were not checked.

    Attributes:
        told: who is told of every check.
    """

    def __init__(self) -> None:
        super().__init__()
        self.told: weakref.WeakSet[Told] = weakref.WeakSet()

    def put(self, found: Mapping[int, list[Finding]]) -> None:
        self.update(found)
        for one in list(self.told):
            one.see_findings()


#: By source.
_FOUND: dict[int, Found] = {}


def found_of(source: Source) -> Found:
    """To be filled in; whoever shows these checkpoints has the same."""
    key = id(source)
    if key not in _FOUND:
        _FOUND[key] = Found()
        weakref.finalize(source, _FOUND.pop, key, None).atexit = False
    return _FOUND[key]


def checking(
    source: Source, indices: list[int], *, weights: bool
) -> Generator[None, None, list[Finding]]:
    """What is found of these checkpoints of a source, by their place among them; a step whenever
    one was looked at."""
    checkpoints = [source.checkpoints[index] for index in indices]
    labels = [one.label for one in checkpoints]
    found: list[Finding] = []
    still = False
    billions: list[int | None] = [None] * len(indices)
    if isinstance(source, Hashed):
        hashes: dict[int, Hashes] = {}
        for place, index in enumerate(indices):
            try:
                hashes[place] = source.hashes(index)
            except UnlistedError as error:
                found.append(Finding(place, "unknown", str(error)))
            except CheckpointError as error:
                found.append(Finding(place, "fault", str(error)))
            yield
        billions = [source.billions(index) for index in indices]
        still = source.still() and [one.step for one in checkpoints[:2]] == [0, 1]
        final = source.final_hashes() if hashes else {}
        ends = source.ends(indices[-1])
        found += Identities(labels, hashes, final, ends=ends, still=still).findings()
    found += out_of_order(checkpoints, billions)
    if weights:
        sketches: dict[int, Tensor] = {}
        for place, index in enumerate(indices):
            try:
                sketches[place] = sketch(_read(source, index, labels[place]))
            except CheckpointError as error:
                found.append(Finding(place, "fault", str(error)))
            yield
        found += out_of_place(labels, [one.step for one in checkpoints], sketches, still=still)
    return sorted(found, key=lambda one: (one.checkpoint, _WORST_FIRST.index(one.status)))


def _read(source: Source, index: int, label: str) -> Mapping[str, Tensor]:
    read = source.weights(index)
    weights = source.build().state_dict() if read is None else read
    check_numbers(weights, label)
    return weights


def table(labels: Iterable[str], steps: Iterable[int], found: Iterable[Finding]) -> pd.DataFrame:
    """A row a checkpoint: its label, its step, "ok", "note", "unknown" or "fault", and
    why."""
    import pandas as pd

    by_place: dict[int, list[Finding]] = {}
    for one in found:
        by_place.setdefault(one.checkpoint, []).append(one)
    rows = [
        {
            "label": label,
            "step": step,
            "status": by_place[place][0].status if place in by_place else "ok",
            "reason": "; ".join(dict.fromkeys(one.reason for one in by_place.get(place, ()))),
        }
        for place, (label, step) in enumerate(zip(labels, steps, strict=True))
    ]
    return pd.DataFrame(rows).rename_axis(index="checkpoint")
