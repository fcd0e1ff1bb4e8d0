"""A table of what is known of each checkpoint's integrity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor
from tqdm.auto import tqdm

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
from induction_kernels.errors import CheckpointError

if TYPE_CHECKING:
    import pandas as pd

#: Of several findings on one checkpoint, which its row is of.
_WORST_FIRST = ("fault", "note", "ok")


def check(source: Source, indices: list[int], *, weights: bool, progress: bool) -> list[Finding]:
    """What is found of these checkpoints of a source, by their place among them."""
    checkpoints = [source.checkpoints[index] for index in indices]
    labels = [one.label for one in checkpoints]
    found: list[Finding] = []
    bar: dict[str, Any] = {"desc": source.name, "unit": "checkpoint", "disable": not progress}
    still = False
    billions: list[int | None] = [None] * len(indices)
    if isinstance(source, Hashed):
        hashes: dict[int, Hashes] = {}
        for place, index in enumerate(tqdm(indices, **bar)):
            try:
                hashes[place] = source.hashes(index)
            except CheckpointError as error:
                found.append(Finding(place, "fault", str(error)))
        billions = [source.billions(index) for index in indices]
        still = source.still() and [one.step for one in checkpoints[:2]] == [0, 1]
        found += Identities(
            labels, hashes, source.final_hashes(), ends=source.ends(indices[-1]), still=still
        ).findings()
    found += out_of_order(checkpoints, billions)
    if weights:
        sketches: dict[int, Tensor] = {}
        for place, index in enumerate(tqdm(indices, **bar)):
            try:
                sketches[place] = sketch(_read(source, index, labels[place]))
            except CheckpointError as error:
                found.append(Finding(place, "fault", str(error)))
        found += out_of_place(labels, [one.step for one in checkpoints], sketches, still=still)
    return sorted(found, key=lambda one: (one.checkpoint, _WORST_FIRST.index(one.status)))


def _read(source: Source, index: int, label: str) -> Mapping[str, Tensor]:
    read = source.weights(index)
    weights = source.build().state_dict() if read is None else read
    check_numbers(weights, label)
    return weights


def table(labels: Iterable[str], steps: Iterable[int], found: Iterable[Finding]) -> pd.DataFrame:
    """A row a checkpoint: its label, its step, "ok", "note" or "fault", and why."""
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
