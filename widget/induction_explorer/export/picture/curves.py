"""The scores of a few heads over training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from induction_explorer.export.picture.grid import number
from induction_explorer.export.picture.svg import (
    HEADS,
    HERE,
    PHASE,
    Point,
    box,
    element,
    line,
    path,
    text,
)  # fmt: skip
from induction_explorer.export.picture.training import TrainingAxis, compact

#: Pixels from one name at a curve's end to the next.
_LINE = 13


def curves(
    along: Float[np.ndarray, "checkpoint head"],
    names: Sequence[str],
    training: Sequence[float],
    here: int,
    phase: Mapping[str, Any] | None,
    unit: str,
    at: Point,
    size: Point,
) -> Iterator[str]:
    """A curve a head, with gaps where nothing is known; where the slider is; the phase change.

    Args:
        training: tokens or steps of the checkpoints.
        phase: `FoundWindow` of js/src/kernel/model.ts.
    """
    (left, top), (width, height) = at, size
    bottom = top + height
    axis = TrainingAxis(training, left, left + width)
    low, high = _limits(along)

    def y(value: float) -> float:
        return bottom - (value - low) / (high - low) * height

    if phase is not None:
        start, end = axis.at(phase["from"]), axis.at(phase["to"])
        yield box((start, top), (max(end - start, 1.5), height), PHASE)
        yield text("phase change", ((start + end) / 2, top - 5), text_anchor="middle")
    for tick in _ticks(low, high):
        yield line((left, y(tick)), (left + width, y(tick)))
        yield text(number(tick, 2), (left - 6, y(tick) + 3.5), text_anchor="end")
    for tick in axis.ticks():
        yield text(compact(tick), (axis.at(tick), bottom + 14), text_anchor="middle")
    yield text(unit, (left + width, bottom + 29), text_anchor="end")
    x = axis.at(training[here])
    yield line((x, top), (x, bottom), HERE, stroke_dasharray="3 2")
    xs = [axis.at(value) for value in training]
    ends: list[tuple[float, int]] = []
    for slot, values in enumerate(along.T):
        known = [(x, y(value)) for x, value in zip(xs, values, strict=True) if np.isfinite(value)]
        yield from _curve(xs, [y(value) for value in values], HEADS[slot])
        if known:
            ends.append((known[-1][1], slot))
    for place, slot in _apart(ends, bottom):
        yield text(names[slot], (left + width + 5, place + 4), HEADS[slot], font_weight="600")


def _curve(xs: Sequence[float], ys: Sequence[float], colour: str) -> Iterator[str]:
    """A dot where a value stands between two gaps."""
    run: list[Point] = []
    for x, y in [*zip(xs, ys, strict=True), (0.0, float("nan"))]:
        if np.isfinite(y):
            run.append((x, y))
        elif run:
            yield (
                path(run, colour)
                if len(run) > 1
                else element("circle", cx=run[0][0], cy=run[0][1], r=2.5, fill=colour)
            )
            run = []


def _limits(along: Float[np.ndarray, "checkpoint head"]) -> tuple[float, float]:
    known = along[np.isfinite(along)]
    low, high = (min(0.0, known.min()), max(0.0, known.max())) if known.size else (0.0, 1.0)
    return float(low), float(high if high > low else low + 1)


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers."""
    rough = (high - low) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = float(next(f * power for f in (1, 2, 5, 10) if f * power >= rough))
    return [
        float(tick) for tick in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    ]


def _apart(ends: Sequence[tuple[float, int]], bottom: float) -> list[tuple[float, int]]:
    """A line apart from each other, and above the bottom."""
    placed: list[tuple[float, int]] = []
    floor = bottom
    for y, slot in sorted(ends, reverse=True):
        place = min(y, floor)
        placed.append((place, slot))
        floor = place - _LINE
    return placed
