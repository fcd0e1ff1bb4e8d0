"""A passage token by token: its loss at two checkpoints, and the change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import Colormap, Normalize
from matplotlib.patches import Rectangle

from induction_kernels.errors import SelectionError
from induction_kernels.plots.canvas import (
    DIVERGING,
    INK,
    MUTED,
    NORMAL,
    SEQUENTIAL,
    SMALL,
    Figure,
    check_checkpoint,
    compact,
    ink_on,
    signed,
    variable,
    visible,
)

#: Nats at which the colours end, as in the widget: about guessing among 1,000 tokens, and a change
#: as clear.
FULL_LOSS, FULL_CHANGE = 7.0, 5.0
#: Letters in a line.
_COLUMNS = 72
#: A letter's width in points, and in ems (DejaVu Sans Mono); a line, a title and the margin.
_LETTER, _EM, _LINE, _TITLE, _MARGIN = 5.2, 0.602, 14.0, 28.0, 12.0

Losses = Float[np.ndarray, " token"]


def passage(
    dataset: xarray.Dataset, before: int, after: int, *, axes: Sequence[Axes] | None = None
) -> list[Axes]:
    """A passage token by token: loss at two checkpoints and the change, blue where it fell.

    Olsson et al. 2022, Kissane 2023. The passage's first token has no loss and is left out.

    Args:
        dataset: what `passage_losses` returns.
        before, after: checkpoints, by index.
        axes: three of them.

    Raises:
        SelectionError: a checkpoint that the dataset does not have; a number of axes that is not
            three.
    """
    losses = variable(dataset, "loss").values
    first, second = check_checkpoint(dataset, before), check_checkpoint(dataset, after)
    pieces = lay_out([visible(str(token)) for token in dataset["token"].values])
    axes = _panels(pieces[-1].row + 1) if axes is None else axes
    if len(axes) != 3:
        raise SelectionError(
            f"{len(axes)} axes were given.", "Give three: before, after, and the change."
        )
    for ax, index in zip(axes[:2], (first, second), strict=True):
        title = f"Loss at {_moment(dataset, index)}; {_mean(losses[index], '.2f')}"
        _draw(ax, pieces, losses[index], SEQUENTIAL, (0.0, FULL_LOSS), title)
    change = losses[second] - losses[first]
    title = f"Change; {_mean(change, '+.2f')}"
    _draw(axes[2], pieces, change, DIVERGING.reversed(), (-FULL_CHANGE, FULL_CHANGE), title)
    return list(axes)


class Piece(NamedTuple):
    """A token, or as much of it as is in one line."""

    token: int
    text: str
    column: int
    row: int


def lay_out(words: Iterable[str]) -> list[Piece]:
    """Tokens in lines of letters of one width; a line ends at a line break, or when it is full."""
    pieces: list[Piece] = []
    column = row = 0
    for token, word in enumerate(words):
        if column > 0 and len(word) <= _COLUMNS < column + len(word):
            column, row = 0, row + 1
        start = 0
        for at, letter in enumerate(word, 1):
            full = column + at - start == _COLUMNS
            if letter == "⏎" or full or at == len(word):
                pieces.append(Piece(token, word[start:at], column, row))
                column, start = column + at - start, at
                if letter == "⏎" or full:
                    column, row = 0, row + 1
    return pieces


def _panels(rows: int) -> list[Axes]:
    """Three axes under each other, as high as the passage needs."""
    width = _COLUMNS * _LETTER + 2 * _MARGIN
    panel = rows * _LINE + _TITLE
    height = 3 * panel + _MARGIN
    figure = Figure(figsize=(width / 72, height / 72))
    left, across, high = _MARGIN / width, 1 - 2 * _MARGIN / width, rows * _LINE / height
    return [
        figure.add_axes((left, (_MARGIN + below * panel) / height, across, high))
        for below in (2, 1, 0)
    ]


def _draw(
    ax: Axes,
    pieces: Sequence[Piece],
    losses: Losses,
    cmap: Colormap,
    limits: tuple[float, float],
    title: str,
) -> None:
    values = np.ma.masked_invalid(losses[[piece.token for piece in pieces]])
    boxes = PatchCollection(
        [Rectangle((piece.column, piece.row), len(piece.text), 0.92) for piece in pieces],
        cmap=cmap,
        norm=Normalize(*limits),
        edgecolors="white",
        linewidths=0.4,
    )
    boxes.set_array(values)
    ax.add_collection(boxes, autolim=False)
    ax.set_xlim(0, _COLUMNS)
    ax.set_ylim(pieces[-1].row + 0.96, -0.04)
    ax.set_axis_off()
    size = ax.get_window_extent().width * 72 / ax.figure.dpi / _COLUMNS / _EM
    for piece, color in zip(pieces, boxes.to_rgba(values), strict=True):
        ax.text(
            piece.column, piece.row + 0.48, piece.text, family="monospace", fontsize=size,
            va="center_baseline", color=ink_on(color), parse_math=False,
        )  # fmt: skip
    # Placed by y: by itself it would give way to the key beside it.
    ax.set_title(title, loc="left", fontsize=NORMAL, color=INK, y=1, pad=4)
    _key(ax, boxes, losses, limits)


def _key(ax: Axes, boxes: PatchCollection, losses: Losses, limits: tuple[float, float]) -> None:
    """The colours and where they end; a sign where a token lies beyond."""
    height = ax.get_window_extent().height * 72 / ax.figure.dpi
    place = ax.inset_axes((0.83, 1 + 5.5 / height, 0.09, 5 / height))
    bar = ax.figure.colorbar(boxes, cax=place, orientation="horizontal", ticks=[])
    bar.outline.set_visible(False)
    low = ("≤" if np.nanmin(losses, initial=0) < limits[0] else "") + signed(limits[0], "g")
    high = ("≥" if np.nanmax(losses, initial=0) > limits[1] else "") + f"{limits[1]:g} nats"
    style: dict[str, Any] = {"va": "center", "fontsize": SMALL - 1, "color": MUTED}
    place.text(-0.08, 0.5, low, ha="right", transform=place.transAxes, **style)
    place.text(1.08, 0.5, high, ha="left", transform=place.transAxes, **style)


def _moment(dataset: xarray.Dataset, index: int) -> str:
    tokens = float(dataset["tokens"][index])
    about = "≈ " if bool(dataset["tokens_estimated"][index]) else ""
    seen = f", {about}{compact(tokens)} tokens" if np.isfinite(tokens) else ""
    return f"step {int(dataset['step'][index]):,}{seen}"


def _mean(losses: Losses, form: str) -> str:
    known = bool(np.isfinite(losses).all())
    return f"mean {signed(losses.mean(), form)} nats" if known else "not known"
