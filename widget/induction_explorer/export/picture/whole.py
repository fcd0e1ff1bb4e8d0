"""The picture: a line that says what it is of, the head grid, and curves of the strongest heads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from induction_kernels.names import shortened
from jaxtyping import Float

from induction_explorer.export.picture.colours import Scale
from induction_explorer.export.picture.curves import curves
from induction_explorer.export.picture.grid import grid, number
from induction_explorer.export.picture.svg import GROUND, INK, box, element, text
from induction_explorer.export.picture.training import compact

_WIDTH, _ALONE, _LEFT, _TOP, _GRID, _HEIGHT = 760, 420, 34, 62, 330, 190
_STRONGEST = 4


@dataclass(frozen=True)
class Picture:
    """Attributes:
    svg: on light ground, whatever is around it.
    said: what it shows, in a sentence.
    """

    svg: str
    said: str


@dataclass(frozen=True, eq=False)
class Subject:
    """What it is of.

    Attributes:
        info: `SeriesInfo` of js/src/kernel/model.ts.
        score: its `ScoreInfo`.
        scores: NaN where nothing is known.
        phase: its `FoundWindow`; None where none was found, or looked for.
        unit: of the axis of training.
    """

    info: Mapping[str, Any]
    score: Mapping[str, Any]
    scores: Float[np.ndarray, "checkpoint layer head"]
    checkpoint: int
    phase: Mapping[str, Any] | None
    unit: str

    @property
    def strongest(self) -> list[tuple[int, int]]:
        """Heads with the largest scores at the checkpoint, whatever their sign."""
        now = np.abs(self.scores[self.checkpoint])
        order = np.argsort(-np.nan_to_num(now, nan=-1), axis=None, kind="stable")
        best = [divmod(int(one), now.shape[1]) for one in order[:_STRONGEST]]
        return [head for head in best if np.isfinite(now[head])]

    @property
    def where(self) -> str:
        """Such as "step 1,300, 5.3M tokens"; "" of a model of which nobody knows how long it was
        trained."""
        label, tokens = (self.info[key][self.checkpoint] for key in ("labels", "tokens"))
        if tokens is not None:
            about = "about " if self.info["tokens_estimated"][self.checkpoint] else ""
            return f"{label}, {about}{compact(tokens)} tokens"
        return "" if self.info["steps"] == [0] else label


def picture(of: Subject) -> Picture:
    now = of.scores[of.checkpoint]
    best = of.strongest
    names = [f"L{layer}H{head}" for layer, head in best]
    in_time = len(of.scores) > 1
    width = _WIDTH if in_time else _ALONE
    title = " · ".join(
        filter(None, (shortened(of.info["name"], width // 16), _title(of.score), of.where))
    )
    values = [f"{name} {number(now[head], 3)}" for name, head in zip(names, best, strict=True)]
    strongest = (
        f"Strongest: {', '.join(values)}" if best else "Not computed when this picture was made"
    )
    parts = [
        box((0, 0), (width, 0), GROUND),
        text(title, (_LEFT, 20), INK, font_size="13", font_weight="600"),
        text(strongest, (_LEFT, 37), INK),
        *grid(now, Scale.of(of.score, of.scores), best, (_LEFT, _TOP), (_GRID, _HEIGHT)),
    ]
    if in_time and best:
        along = np.stack([of.scores[:, layer, head] for layer, head in best], axis=1)
        left = _LEFT + _GRID + 56
        size = (_WIDTH - left - 56, _HEIGHT - 8)
        parts += curves(
            along, names, _training(of), of.checkpoint, of.phase, of.unit, (left, _TOP), size
        )
    height = _TOP + _HEIGHT + 34
    parts[0] = box((0, 0), (width, height), GROUND)
    svg = element(
        "svg", "".join(parts), xmlns="http://www.w3.org/2000/svg", width=width, height=height,
        viewBox=f"0 0 {width} {height}", font_family="system-ui, sans-serif", font_size="11",
    )  # fmt: skip
    return Picture(svg, f"{title}. {strongest}.")


def _title(score: Mapping[str, Any]) -> str:
    return f"{score['title']} (yours)" if score["own"] else str(score["title"])


def _training(of: Subject) -> list[float]:
    return [float(value) for value in of.info["tokens" if of.unit == "tokens seen" else "steps"]]
