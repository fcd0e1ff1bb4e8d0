"""Figures along training: scores of heads, measures, losses of tokens, ablations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from induction_kernels.errors import SelectionError
from induction_kernels.losses.measure import MEASURES
from induction_kernels.names import legible
from induction_kernels.plots.canvas import (
    CURVE,
    INK,
    MUTED,
    NORMAL,
    PALETTE,
    End,
    Head,
    Scale,
    Window,
    check_checkpoint,
    check_head,
    compact,
    curve,
    log_ticks,
    name_ends,
    prepare,
    shade,
    subplots,
    title_of,
    training_axis,
    variable,
    visible,
)

#: Measures that are one number a checkpoint.
_NUMBERS = [measure.name for measure in MEASURES.values() if measure.per == "checkpoint"]
#: Curves over positions drawn by default: more of them hide each other.
_FEW = 6


def head_curves(
    scores: xarray.Dataset,
    score: str = "prefix_matching",
    *,
    heads: Iterable[Head] = (),
    window: Window = None,
    x_scale: Scale = "log",
    ax: Axes | None = None,
) -> Axes:
    """A score of every head over training; some named and in colour, chance dashed.

    Olsson et al. 2022, Kissane 2023.

    Args:
        scores: what `sweep` returns.
        window: what `phase_changes` returns, or (first, last) on the axis: shaded.

    Raises:
        SelectionError: a score or a head that the dataset does not have.
    """
    head_curves_side_by_side(
        {"": scores},
        score,
        heads={"": heads},
        window={"": window},
        x_scale=x_scale,
        axes=[ax := prepare(ax)],
    )
    return ax


def head_curves_side_by_side(
    scores: Mapping[str, xarray.Dataset],
    score: str = "prefix_matching",
    *,
    heads: Mapping[str, Iterable[Head]] | None = None,
    window: Mapping[str, Window] | None = None,
    x_scale: Scale = "log",
    axes: Sequence[Axes] | None = None,
) -> list[Axes]:
    """`head_curves` of several series on shared axes, a panel a series.

    Args:
        scores, heads, window: by the series' names.
        axes: a panel for each series.

    Raises:
        SelectionError: a score, head or series that is not there; a number of axes that is not that
            of the series; tokens seen that only some series know.
    """
    heads, window = dict(heads or {}), dict(window or {})
    unknown = (heads.keys() | window.keys()) - scores.keys()
    if unknown:
        raise SelectionError(
            f"There is no series {min(unknown)!r}.", f"There are {', '.join(scores)}."
        )
    if axes is None:
        axes = subplots(1, len(scores), width=1.4 + 2.2 * len(scores), height=2.6)
    if len(axes) != len(scores):
        raise SelectionError(f"{len(axes)} axes for {len(scores)} series.", "Give one for each.")
    panels = dict(zip(scores, map(prepare, axes), strict=True))
    xs = training_axis(list(panels.values()), scores, x_scale)
    ends: dict[str, list[End]] = {}
    for name, ax in panels.items():
        grid = variable(scores[name], score)
        ax.plot(xs[name], grid.values.reshape(len(xs[name]), -1), color=CURVE, linewidth=0.8)
        ends[name] = []
        for slot, (layer, head) in enumerate(heads.get(name, ())):
            label = check_head(grid, (layer, head))
            color, values = PALETTE[slot % len(PALETTE)], grid.values[:, layer, head]
            curve(ax, xs[name], values, color)
            ends[name].append(End(xs[name], values, label, color))
        if "chance" in grid.attrs:
            chance = float(grid.attrs["chance"])
            ax.axhline(chance, color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)), zorder=1)
            ends[name].append(End(xs[name], np.full(len(xs[name]), chance), "chance", MUTED))
        ax.set_title(
            legible(name), loc="left", fontsize=NORMAL, color=INK, pad=14 if name else None,
            parse_math=False,
        )  # fmt: skip
        if ax is axes[0]:
            ax.set_ylabel(title_of(grid))
        shade(ax, window.get(name))
    # The last: all panels have their limits now.
    for name, ax in panels.items():
        name_ends(ax, ends[name])
    return list(panels.values())


def over_training(
    datasets: xarray.Dataset | Mapping[str, xarray.Dataset],
    measure: str = "loss",
    *,
    window: Window = None,
    x_scale: Scale = "log",
    ax: Axes | None = None,
) -> Axes:
    """A measure over training, in nats or a share; one curve a series.

    Olsson et al. 2022, Kissane 2023.

    Args:
        datasets: what `measures` returns, or several of them by name.
        measure: of `MEASURES`, one with a number a checkpoint, such as "in_context_learning" or
            "copyable_loss".
        window: as in `head_curves`.

    Raises:
        SelectionError: a measure that the dataset does not have, or that is no curve over training;
            tokens seen that only some series know.
    """
    ax = prepare(ax)
    # A Dataset is a mapping too, of its variables.
    series = {"": datasets} if isinstance(datasets, xarray.Dataset) else dict(datasets)
    xs = training_axis([ax], series, x_scale)
    ends = []
    for slot, (name, one) in enumerate(series.items()):
        values = variable(one, measure)
        if values.dims != ("checkpoint",):
            raise SelectionError(
                f"{measure!r} has {' and '.join(map(str, values.dims))}: no curve over training.",
                f"Choose {', '.join(_NUMBERS)}.",
            )
        color = INK if len(series) == 1 else PALETTE[slot % len(PALETTE)]
        curve(ax, xs[name], values.values, color)
        ends.append(End(xs[name], values.values, name, color))
        ax.set_ylabel(f"{title_of(values)}{'' if values.attrs.get('units') == '1' else ', nats'}")
    shade(ax, window)
    name_ends(ax, ends)
    return ax


def loss_by_position(
    dataset: xarray.Dataset,
    *,
    checkpoints: Iterable[int] | None = None,
    axes: Sequence[Axes] | None = None,
) -> list[Axes]:
    """Mean loss at every position of the context, and its slope by ln(position) beneath.

    A curve a checkpoint, late ones darker. Olsson et al. 2022.

    Args:
        dataset: what `measures` returns.
        checkpoints: indices; by default six, from the first to the last.
        axes: two of them.

    Raises:
        SelectionError: a checkpoint that the dataset does not have; a number of axes that is not
            two.
    """
    axes = subplots(2, 1, height=4.6) if axes is None else axes
    if len(axes) != 2:
        raise SelectionError(f"{len(axes)} axes were given.", "Give two: the loss, and its slope.")
    count = dataset.sizes["checkpoint"]
    if checkpoints is None:
        checkpoints = np.unique(np.linspace(0, count - 1, _FEW).round().astype(int)).tolist()
    chosen = [check_checkpoint(dataset, index) for index in checkpoints]
    ramp = LinearSegmentedColormap.from_list("training", [CURVE, PALETTE[0], "#00304d"])
    colors = [ramp(order / max(1, len(chosen) - 1)) for order in range(len(chosen))]
    # L[i] is the loss of the token that follows i + 1 others; its slope is by the same logarithm.
    x = dataset["position"].values + 1.0
    for ax, name in zip(map(prepare, axes), ("loss_by_position", "loss_slope"), strict=True):
        values = variable(dataset, name).values
        for index, color in zip(chosen, colors, strict=True):
            curve(ax, x, values[index], color, width=1.1)
        ax.set_xscale("log")
        ticks = log_ticks(x.min(), x.max())
        ax.set_xticks(ticks, [compact(tick) for tick in ticks])
        ax.minorticks_off()
        ax.margins(x=0.02)
    upper, lower = axes
    upper.set_ylabel("mean loss, nats")
    lower.set_ylabel("slope of the loss,\nnats per e-fold of context")
    lower.set_xlabel("tokens of context")
    lower.axhline(0, color=MUTED, linewidth=0.8, zorder=1)
    losses = dataset["loss_by_position"].values
    name_ends(
        upper,
        [
            End(x, losses[index], f"step {int(dataset['step'][index]):,}", color)
            for index, color in zip(chosen, colors, strict=True)
        ],
    )
    return [upper, lower]


def token_trajectories(
    dataset: xarray.Dataset,
    positions: Iterable[int],
    *,
    window: Window = None,
    x_scale: Scale = "log",
    ax: Axes | None = None,
) -> Axes:
    """Loss of chosen tokens of a passage over training, with the mean of the passage.

    Kissane 2023.

    Args:
        dataset: what `passage_losses` returns.
        positions: of its coordinate `position`.
        window: as in `head_curves`.

    Raises:
        SelectionError: a position that the passage does not have.
    """
    ax = prepare(ax)
    losses = variable(dataset, "loss")
    x = training_axis([ax], {"": dataset}, x_scale)[""]
    mean = losses.mean("position", skipna=False).values
    curve(ax, x, mean, INK, zorder=3)
    ends = [End(x, mean, "mean of the passage", INK)]
    known = dataset["position"].values.tolist()
    for slot, position in enumerate(positions):
        if position not in known:
            raise SelectionError(
                f"The passage has no token {position}.", f"It has {known[0]} to {known[-1]}."
            )
        color, one = PALETTE[slot % len(PALETTE)], losses.sel(position=position)
        curve(ax, x, one.values, color, width=1.3)
        ends.append(End(x, one.values, f"{position} '{visible(str(one['token'].values))}'", color))
    ax.set_ylabel("loss, nats")
    shade(ax, window)
    name_ends(ax, ends)
    return ax


def answer_rank(
    dataset: xarray.Dataset,
    *,
    window: Window = None,
    x_scale: Scale = "log",
    ax: Axes | None = None,
) -> Axes:
    """Rank of the answer to a prompt over training, best at the top.

    Kissane 2023's test_prompt.

    Args:
        dataset: what `passage_losses` returns when it is given an answer. It counts ranks from 0;
            drawn is the place among all tokens, from 1.
        window: as in `head_curves`.

    Raises:
        SelectionError: no answer was given.
    """
    ax = prepare(ax)
    places = variable(dataset, "answer_rank").values + 1.0
    x = training_axis([ax], {"": dataset}, x_scale)[""]
    curve(ax, x, places, INK)
    ax.set_yscale("log")
    lowest = max(10.0, float(np.nanmax(places)))
    ticks = log_ticks(1.0, lowest)
    ax.set_yticks(ticks, [compact(tick) for tick in ticks])
    ax.minorticks_off()
    ax.set_ylim(1.3 * lowest, 0.8)
    answer = visible(str(dataset.attrs["answer"]))
    ax.set_ylabel(f"place of '{answer}' (1 = likeliest)", parse_math=False)
    shade(ax, window)
    return ax


def ablation_through_training(
    dataset: xarray.Dataset,
    measure: Literal["loss", "in_context_learning"] = "loss",
    *,
    window: Window = None,
    x_scale: Scale = "log",
    ax: Axes | None = None,
) -> Axes:
    """What ablating heads together does through training, over the range of random other heads.

    The line's band is its standard error over rows. After Olsson et al. 2022.

    Args:
        dataset: what `ablations` returns.
        measure: change of the loss, or of in-context learning.
        window: as in `head_curves`.
    """
    ax = prepare(ax)
    x = training_axis([ax], {"": dataset}, x_scale)[""]
    change = variable(dataset, f"{measure}_change").values
    error = dataset[f"{measure}_error"].values
    controls = dataset[f"control_{measure}"].values
    ax.axhline(0, color=MUTED, linewidth=0.8, zorder=1)
    ends = [End(x, change, "ablated", PALETTE[0])]
    if controls.shape[1]:
        ax.fill_between(x, controls.min(1), controls.max(1), color=CURVE, alpha=0.5, linewidth=0)
        middle = (controls.min(1) + controls.max(1)) / 2
        ends.append(End(x, middle, f"{controls.shape[1]} random sets", MUTED))
    ax.fill_between(x, change - error, change + error, color=PALETTE[0], alpha=0.2, linewidth=0)
    curve(ax, x, change, PALETTE[0])
    what = {"loss": "loss", "in_context_learning": "in-context learning"}[measure]
    ax.set_ylabel(f"change of {what}, nats")
    shade(ax, window)
    name_ends(ax, ends)
    return ax
