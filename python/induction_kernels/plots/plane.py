"""Figures in a plane: the path of training, and heads by two scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray
from jaxtyping import Bool
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from induction_kernels.errors import SelectionError
from induction_kernels.losses.components import LossPCA
from induction_kernels.names import legible
from induction_kernels.plots.canvas import (
    CURVE,
    HAIRLINE,
    INK,
    MUTED,
    PALETTE,
    PHASE,
    SMALL,
    Head,
    check_checkpoint,
    check_head,
    prepare,
    subplots,
    title_of,
    variable,
)


def loss_pca_path(
    components: Mapping[str, LossPCA],
    *,
    inside: Mapping[str, Bool[np.ndarray, " checkpoint"]] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Paths of training in the plane of the components of per-token losses, from a hollow dot on.

    Olsson et al. 2022; Kissane 2023 with standardised losses.

    Args:
        components: what `loss_pca` returns.
        inside: for each series, which checkpoints lie in the phase change: in colour.

    Raises:
        SelectionError: no series; `inside` names one that is not there, or has not one value a
            checkpoint.
    """
    if not components:
        raise SelectionError("No series was given.", "Give what loss_pca returns.")
    ax = prepare(ax or subplots(height=4.0)[0])
    ax.grid(axis="both", color=HAIRLINE, linewidth=0.6)
    for name, marked in (inside or {}).items():
        if name not in components or len(marked) != len(components[name].points):
            raise SelectionError(
                f"inside[{name!r}] has {len(marked)} checkpoints.",
                "There are "
                + ", ".join(f"{len(one.points)} of {n!r}" for n, one in components.items()),
            )
    goes_left: list[bool] = []
    jointly = len({tuple(one.explained) for one in components.values()}) == 1
    for slot, (name, one) in enumerate(components.items()):
        color = INK if len(components) == 1 else PALETTE[slot % len(PALETTE)]
        marked = (
            np.zeros(len(one.points), bool)
            if inside is None or name not in inside
            else inside[name]
        )
        colors = np.where(marked, PHASE, color).tolist()
        ax.plot(*one.points.T, color=color, linewidth=1, zorder=1)
        ax.scatter(
            one.points[:, 0],
            one.points[:, 1],
            c=colors,
            s=np.where(marked, 24, 10),
            linewidths=0,
            zorder=2,
        )
        known = one.points[np.isfinite(one.points).all(1)]
        ax.scatter(known[0, 0], known[0, 1], fc="white", ec=color, s=26, linewidths=1, zorder=3)
        shares = "" if jointly else " ({:.0%}, {:.0%})".format(*one.explained)
        goes_left.append(bool(known[-1, 0] < known[-4:-1, 0].mean()))
        side = -1 if goes_left[-1] else 1
        _name(ax, known[-1], name + shares, color, side)
    ax.margins(x=0.05)
    low, high = ax.get_xlim()
    room = 0.15 * (high - low)
    ax.set_xlim(low - room * any(goes_left), high + room * (not all(goes_left)))
    unit = next(iter(components.values())).unit
    explained = next(iter(components.values())).explained
    for axis, number, share in ((ax.xaxis, 1, explained[0]), (ax.yaxis, 2, explained[1])):
        of = f" ({share:.0%} of variance)" if jointly else ""
        axis.set_label_text(f"component {number}, {unit}{of}")
    return ax


def _name(ax: Axes, place: np.ndarray, name: str, color: str, side: int) -> None:
    """A name on the right (1) or left (-1) of a place, readable over what it crosses."""
    ax.annotate(
        legible(name), tuple(place), xytext=(8 * side, 0), textcoords="offset points", color=color,
        fontsize=SMALL, ha="left" if side > 0 else "right", va="center", annotation_clip=False,
        parse_math=False, path_effects=[withStroke(linewidth=2, foreground="white")],
    )  # fmt: skip


def score_scatter(
    scores: xarray.Dataset,
    x: str,
    y: str,
    *,
    checkpoint: int = -1,
    trails: bool = True,
    heads: Iterable[Head] = (),
    ax: Axes | None = None,
) -> Axes:
    """Every head by two scores at a checkpoint, with its trail up to there; chance dashed.

    Args:
        scores: what `sweep` returns.
        heads: named, in colour.

    Raises:
        SelectionError: a score, a checkpoint or a head that the dataset does not have.
    """
    ax = prepare(ax or subplots(width=4.4, height=4.0)[0])
    ax.grid(visible=False)
    across, up = variable(scores, x), variable(scores, y)
    last = check_checkpoint(scores, checkpoint)
    paths = [one.values[: last + 1].reshape(last + 1, -1) for one in (across, up)]
    if trails:
        ax.plot(*paths, color=CURVE, linewidth=0.6, zorder=1)
    ax.scatter(paths[0][-1], paths[1][-1], color=MUTED, s=16, linewidths=0, zorder=2)
    style: dict[str, Any] = {
        "color": MUTED,
        "linewidth": 0.6,
        "linestyle": (0, (3, 3)),
        "zorder": 0,
    }
    text: dict[str, Any] = {"color": MUTED, "fontsize": SMALL - 1}
    if "chance" in across.attrs:
        at = float(across.attrs["chance"])
        ax.axvline(at, **style)
        ax.text(at, 1.01, "chance", transform=ax.get_xaxis_transform(), ha="center", **text)
    if "chance" in up.attrs:
        at = float(up.attrs["chance"])
        ax.axhline(at, **style)
        ax.text(1.01, at, "chance", transform=ax.get_yaxis_transform(), va="center", **text)
    for slot, (layer, head) in enumerate(heads):
        name = check_head(across, (layer, head))
        color = PALETTE[slot % len(PALETTE)]
        path = [one.values[: last + 1, layer, head] for one in (across, up)]
        if trails:
            ax.plot(*path, color=color, linewidth=1.2, zorder=2)
        place = np.array([path[0][-1], path[1][-1]])
        ax.scatter(place[0], place[1], color=color, s=32, linewidths=0, zorder=3)
        _name(ax, place, name, color, 1)
    ax.set_xlabel(title_of(across))
    ax.set_ylabel(title_of(up))
    return ax
