"""Figures of heads at one checkpoint: a grid, a pattern, an ablation of each, what feeds one."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from torch import Tensor

from induction_kernels.errors import SelectionError
from induction_kernels.plots.canvas import (
    CURVE,
    DIVERGING,
    HAIRLINE,
    INK,
    MUTED,
    NORMAL,
    PALETTE,
    SEQUENTIAL,
    SMALL,
    ink_on,
    prepare,
    signed,
    subplots,
    title_of,
    variable,
    visible,
)

#: Cells of a grid that have room for a number; with more of them, a colour bar says it.
_NUMBERED = 64
#: Tokens that can be named beside a pattern.
_NAMED_TOKENS = 48
#: Feeders with an edge, and those of them whose effect is written on it.
_EDGES, _EFFECTS = 12, 3
#: Where that stands over its head, in layers: on its own line, before lines meet.
_ABOVE = 0.3


def head_grid(
    scores: xarray.Dataset,
    score: str = "induction",
    *,
    limits: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A score of every head of one checkpoint, layers down and heads across.

    Args:
        scores: what `head_scores` returns, or one checkpoint of what `sweep` returns
            (`.isel(checkpoint=-1)`).
        limits: where the colours end; by default 0 and the largest value, or as far below 0 as
            above where the score changes sign. Give them to compare grids.

    Raises:
        SelectionError: a score that the dataset does not have.
    """
    values = variable(scores, score)
    return _grid(values, title_of(values), limits, ax)


def ablation_grid(
    dataset: xarray.Dataset,
    measure: Literal["loss", "in_context_learning", "induction_loss"] = "loss",
    *,
    limits: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """What ablating each head alone changes, in nats; blue where the measure rises.

    Args:
        dataset: what `ablate_each` returns.
        limits: as in `head_grid`.
    """
    values = variable(dataset, measure)
    how = {
        "zero": "set to zero", "mean": "set to its mean", "resample": "taken from another row"
    }[dataset.attrs["ablation"]]  # fmt: skip
    title = f"change of {measure.replace('_', ' ')} with a head's output {how}, nats"
    return _grid(values, title.replace("in context", "in-context"), limits, ax)


def _grid(
    grid: xarray.DataArray, title: str, limits: tuple[float, float] | None, ax: Axes | None
) -> Axes:
    if grid.dims != ("layer", "head"):
        raise SelectionError(
            f"{grid.name!r} has {', '.join(map(str, grid.dims))}.",
            "Give one checkpoint: dataset.isel(checkpoint=-1).",
        )
    layers, heads = grid.shape
    ax = prepare(ax or subplots(height=min(5.0, 1.0 + 4.6 * layers / heads))[0])
    known = grid.values[np.isfinite(grid.values)]
    if limits is None:
        most = float(np.abs(known).max(initial=0)) or 1.0
        limits = (-most if (known < 0).any() else 0.0, most)
    image = ax.imshow(
        np.ma.masked_invalid(grid.values),
        cmap=DIVERGING if limits[0] < 0 else SEQUENTIAL,
        vmin=limits[0],
        vmax=limits[1],
        aspect="equal",
    )
    _frame(ax)
    ax.set_xlabel("head")
    ax.set_ylabel("layer")
    ax.set_xticks(_few(heads))
    ax.set_yticks(_few(layers))
    ax.set_title(title, loc="left", fontsize=NORMAL, color=INK)
    if grid.size > _NUMBERED:
        _colour_bar(ax, image, "")
        return ax
    for (layer, head), value in np.ndenumerate(grid.values):
        if np.isfinite(value):
            ink = ink_on(image.to_rgba(value))
            ax.text(head, layer, signed(value), ha="center", va="center", color=ink, fontsize=SMALL)
    return ax


def _few(count: int) -> list[int]:
    return list(range(0, count, -(-count // 16)))


def _colour_bar(
    ax: Axes, colors: ScalarMappable, name: str, ticks: list[float] | None = None
) -> None:
    bar = ax.figure.colorbar(colors, ax=ax, shrink=0.6, aspect=30, pad=0.02, ticks=ticks)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=MUTED, labelsize=SMALL, length=0)
    bar.set_label(name, fontsize=SMALL, color=MUTED)


def _frame(ax: Axes) -> None:
    ax.grid(visible=False)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def pattern(
    attention: Float[Tensor, "query key"],
    tokens: list[str] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """One head's attention pattern, from 0 (pale) to 1, queries down and keys across.

    Args:
        attention: one of what `attention_patterns` returns.
        tokens: one for every position; up to 48 are named, of more the positions.

    Raises:
        SelectionError: another number of tokens.
    """
    count = len(attention)
    if tokens is not None and len(tokens) != count:
        raise SelectionError(
            f"{len(tokens)} tokens for a pattern of {count} positions.", "Give one for each."
        )
    ax = prepare(ax or subplots(width=4.4, height=4.4)[0])
    later = np.triu(np.ones(attention.shape, bool), 1)
    cells = np.ma.masked_where(later, attention.detach().float().cpu().numpy())
    image = ax.imshow(cells, cmap=SEQUENTIAL.with_extremes(bad="none"), vmin=0, vmax=1)
    _colour_bar(ax, image, "attention", ticks=[0.0, 0.5, 1.0])
    _frame(ax)
    ax.set_xlabel("key (source)")
    ax.set_ylabel("query (destination)")
    if tokens is not None and count <= _NAMED_TOKENS:
        words = [visible(token) for token in tokens]
        style: dict[str, Any] = {"fontsize": SMALL if count <= 20 else 5, "parse_math": False}
        ax.set_xticks(range(count), words, rotation=90, **style)
        ax.set_yticks(range(count), words, **style)
    else:
        ax.set_xticks(_few(count))
        ax.set_yticks(_few(count))
    return ax


def wiring(dataset: xarray.Dataset, *, ax: Axes | None = None) -> Axes:
    """What feeds a head: the heads of earlier layers, and what ablating each does to its induction.

    Circles are filled by previous-token score, edges are as wide as the K-composition above that of
    random weights; their colour, and the number on the strongest, is the change of the head's
    induction score when the feeder's output is set to zero (red lowers it). Elhage et al. 2021,
    Olsson et al. 2022.

    Args:
        dataset: what `wiring` returns.

    Raises:
        SelectionError: a head of the first layer, which nothing feeds.
    """
    layer, head = (int(part) for part in dataset.attrs["of"][1:].split("H"))
    if layer == 0:
        raise SelectionError(
            f"{dataset.attrs['of']} is in the first layer: no earlier head can feed it.",
            "Choose a head of a later layer.",
        )
    heads = dataset.sizes["head"]
    ax = prepare(ax or subplots(height=1.2 + 1.1 * layer)[0])
    effect, composition = (dataset[name].values[:layer] for name in ("effect", "composition"))
    strongest = sorted(np.ndindex(layer, heads), key=lambda at: -np.nan_to_num(abs(effect[at])))
    widest = np.nanmax(composition, initial=1e-6)
    most = max(0.1, float(np.nanmax(np.abs(effect))))
    colors = ScalarMappable(Normalize(-most, most), DIVERGING)
    for rank, (y, x) in enumerate(strongest[:_EDGES]):
        clear = abs(effect[y, x]) > 2 * dataset["error"].values[y, x]
        bend = (y + layer) / 2
        ax.add_patch(
            PathPatch(
                Path([(x, y), (x, bend), (head, bend), (head, layer)], [1, 4, 4, 4]),
                facecolor="none",
                edgecolor=colors.to_rgba(effect[y, x]) if clear else CURVE,
                linewidth=0.8 + 5 * max(0.0, np.nan_to_num(composition[y, x])) / widest,
                zorder=1,
            )
        )
        if rank < _EFFECTS and clear:
            ax.text(
                x, y + _ABOVE, signed(float(effect[y, x]), "+.2f"), ha="center",
                va="center", fontsize=SMALL, color=INK,
                bbox={"fc": "white", "ec": "none", "pad": 1, "alpha": 0.85}, zorder=2,
            )  # fmt: skip
    size = min(520.0, (330 / heads) ** 2)
    ys, xs = np.indices((layer, heads)).reshape(2, -1)
    below = ax.scatter(
        xs, ys, c=dataset["previous_token"].values[:layer].ravel(), cmap=SEQUENTIAL, vmin=0, vmax=1,
        s=size, edgecolors=MUTED, linewidths=0.6, zorder=3,
    )  # fmt: skip
    if heads <= 16:
        for y, x in np.ndindex(layer, heads):
            ink = ink_on(below.to_rgba(dataset["previous_token"].values[y, x]))
            ax.text(x, y, f"L{y}H{x}", ha="center", va="center", fontsize=6, color=ink, zorder=4)
    ax.scatter([head], [layer], c=PALETTE[0], s=1.2 * size, linewidths=0, zorder=3)
    ax.annotate(
        f"{dataset.attrs['of']}, induction {float(dataset['induction']):.2f}", (head, layer),
        xytext=(0.6 * size**0.5 + 4, 0), textcoords="offset points", va="center",
        fontsize=NORMAL, color=PALETTE[0], annotation_clip=False,
    )  # fmt: skip
    _frame(ax)
    ax.grid(axis="y", color=HAIRLINE, linewidth=0.6)
    ax.set_xlim(-0.6, heads - 0.4)
    ax.set_ylim(-0.45, layer + 0.45)
    ax.set_yticks(range(layer + 1))
    ax.set_ylabel("layer")
    ax.set_xticks([])
    ax.set_xlabel(
        "circle: previous-token score, 0 to 1 · line: as wide as the K-composition,\n"
        "coloured and numbered: change of induction score without the head",
        fontsize=SMALL - 1,
        color=MUTED,
    )
    return ax
