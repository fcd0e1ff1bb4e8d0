"""The phase change of a series: which of its curves change abruptly, when, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from induction_kernels.errors import ProbeError
from induction_kernels.loss_pca import Turn, find_turn
from induction_kernels.phase_change import (
    FEWEST,
    Change,
    Dated,
    Lead,
    find_change,
    find_changes,
    lead,
)

if TYPE_CHECKING:
    import pandas
    import xarray

#: Measures in which a change is looked for.
MEASURED = ("in_context_learning", "loss", "induction_loss")
#: A head's score has to rise by this much to be called a change.
SMALLEST_RISE = 0.05


@dataclass(frozen=True, eq=False)
class PhaseChanges:
    """What was found in the curves of one series.

    Attributes:
        changes: by curve: a measure, or "prefix_matching L1H2". Curves without a change are left
            out.
        window: the curve that speaks for the whole model, or None: see `phase_changes`.
        turn: where the path of the per-token losses turns most.
        text: what was looked at and what was found, in one sentence.
    """

    changes: Mapping[str, Change]
    window: str | None
    turn: Turn | None
    text: str

    def order(self) -> dict[str, Dated]:
        """Every change by its curve, and the turn as "loss_pca", in the order they came in."""
        found: dict[str, Dated] = dict(self.changes)
        if self.turn is not None:
            found["loss_pca"] = self.turn
        return dict(sorted(found.items(), key=lambda item: item[1].middle))

    def lead(self, first: str, second: str) -> Lead:
        """How much later the change of `second` comes than that of `first`.

        Args:
            first, second: names of curves, or "loss_pca" for the turn.

        Raises:
            ProbeError: a curve that has no change.
        """
        found = self.order()
        for name in (first, second):
            if name not in found:
                raise ProbeError(
                    f"{name!r} has no change.",
                    f"Changes were found in: {', '.join(found) or 'no curve'}.",
                )
        return lead(found[first], found[second])

    def to_dataframe(self) -> pandas.DataFrame:
        """A row a change: start, middle, end, their intervals, size and p."""
        import pandas as pd

        rows = {
            name: {
                "start": change.start,
                "start_low": change.start_interval[0],
                "start_high": change.start_interval[1],
                "middle": change.middle,
                "end": change.end,
                "end_low": change.end_interval[0],
                "end_high": change.end_interval[1],
                "size": change.size,
                "p": change.p_value,
            }
            for name, change in self.changes.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index")


def phase_changes(
    measures: xarray.Dataset | None = None,
    scores: xarray.Dataset | None = None,
    *,
    level: float = 0.05,
    seed: int = 0,
) -> PhaseChanges:
    """Abrupt changes in the measures and in the heads' prefix matching of one series.

    The model as a whole has a phase change when a head's prefix matching rises abruptly; its
    window is that of in-context learning where that changes too, else that of the induction loss,
    else that of the head which rises most. Without scores, the measures decide alone.

    Args:
        measures: what `measures(series)` returns.
        scores: what `sweep(series)` returns; prefix_matching is read, or induction without it.
        level: of each measure, and of all heads together (Holm).

    Raises:
        ProbeError: neither is given, or there are too few checkpoints.
    """
    given = [one for one in (measures, scores) if one is not None]
    if not given:
        raise ProbeError("No curves were given.", "Give measures(series), sweep(series), or both.")
    x = _training(given[0])
    if len(x) < FEWEST:
        raise ProbeError(
            f"A phase change needs {FEWEST} checkpoints; there are {len(x)}.",
            "Use a series of more checkpoints.",
        )
    changes: dict[str, Change] = {}
    heads: dict[str, Change] = {}
    looked_at, turn = [], None
    if measures is not None:
        for name in MEASURED:
            change = find_change(x, measures[name].values, level=level, seed=seed)
            changes |= {} if change is None else {name: change}
        looked_at.append("in-context learning, loss, induction loss")
        turn = find_turn(x, measures["token_loss"].values, seed=seed)
    if scores is not None:
        name = "prefix_matching" if "prefix_matching" in scores else "induction"
        heads = _heads(x, name, scores[name].values, level, seed)
        looked_at.append(f"{name.replace('_', ' ')} of {scores[name][0].size} heads (Holm)")
    window = _window(changes, heads, scores is not None)
    names = [in_words(name) for name in (*changes, *heads)]
    found = "found in: " + ", ".join(names) if names else "none found"
    text = f"Abrupt changes, {level:.0%} level: {found}. Looked at: {'; '.join(looked_at)}."
    return PhaseChanges(changes | heads, window, turn, text)


def in_words(name: str) -> str:
    """A key of `changes` or `order`, to be read."""
    if name == "loss_pca":
        return "turn of the path of losses"
    return name.replace("in_context", "in-context").replace("_", " ")


def _heads(
    x: np.ndarray, name: str, grids: np.ndarray, level: float, seed: int
) -> dict[str, Change]:
    count, _, heads = grids.shape
    curves = grids.reshape(count, -1)
    found = find_changes(x, curves, level=level, smallest=SMALLEST_RISE, seed=seed)
    rising = {
        f"{name} L{i // heads}H{i % heads}": change
        for i, change in enumerate(found)
        if change is not None
    }
    return dict(sorted(rising.items(), key=lambda item: -item[1].size))


def _window(changes: Mapping[str, Change], heads: Mapping[str, Change], scored: bool) -> str | None:
    rising = [name for name, change in heads.items() if change.size > 0]
    if scored and not rising:
        return None
    preferred = ("in_context_learning", "induction_loss")
    return next((name for name in (*preferred, *rising) if name in {**changes, **heads}), None)


def _training(dataset: xarray.Dataset) -> np.ndarray:
    """Tokens at each checkpoint, or steps where they are not known."""
    tokens = np.asarray(dataset["tokens"].values, float)
    return tokens if np.isfinite(tokens).all() else np.asarray(dataset["step"].values, float)
