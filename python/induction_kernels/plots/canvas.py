"""What all figures share: colours, axes, the axis of training, the phase change, curves' names."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib import figure as mpl
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from induction_kernels.changes.series import PhaseChanges
from induction_kernels.checkpoints.checkpoint import STEPS
from induction_kernels.checkpoints.coordinates import unit_of
from induction_kernels.errors import SelectionError
from induction_kernels.names import legible

Head = tuple[int, int]
Window = PhaseChanges | tuple[float, float] | None
Scale = Literal["log", "linear"]

#: The widget's colours (js/src/ui/color.ts), which colour-blind eyes tell apart, dark enough for
#: paper; the ground that a score of 0 has; and what is not known.
PALETTE = ("#0072b2", "#8a6500", "#5b2db0", "#a8479c", "#00795f", "#16305c", "#6b2a5b", "#3a4a00")
GROUND, UNKNOWN = "#f4f5f6", "#e4e4e4"
INK, MUTED, HAIRLINE, CURVE, PHASE = "#1c1c1c", "#666b73", "#e2e3e6", "#c3c7ce", "#7a9f60"
SMALL, NORMAL = 8, 9
_LINE = 1.25 * SMALL  # points from one name to the next


def _ramp() -> LinearSegmentedColormap:
    """Pale is low; the ramp of the widget on light ground."""
    t = np.linspace(0, 1, 256)
    weight = np.minimum(1, 3 * t)[:, None]
    green_to_blue = colormaps["GnBu"](0.1 + 0.9 * t)[:, :3]
    colors = (1 - weight) * np.array(to_rgb(GROUND)) + weight * green_to_blue
    return LinearSegmentedColormap.from_list("score", [tuple(color) for color in colors])


SEQUENTIAL = _ramp().with_extremes(bad=UNKNOWN)
#: Red is negative, blue positive.
DIVERGING = colormaps["RdBu"].with_extremes(bad=UNKNOWN)


class Figure(mpl.Figure):
    """A figure outside pyplot, which nothing keeps alive; notebooks show it by itself."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=150)
        return file.getvalue()


def subplots(
    rows: int = 1, columns: int = 1, *, width: float = 5.2, height: float = 3.0
) -> list[Axes]:
    """Axes of a new figure, in inches; those of a row share their scales, those of a column x."""
    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(
        rows,
        columns,
        squeeze=False,
        sharex=True,
        sharey="row",
    )
    return list(grid.flat)


def prepare(ax: Axes | None) -> Axes:
    """The axes given, or new ones, with hairlines instead of a box."""
    ax = ax or subplots()[0]
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(HAIRLINE)
    ax.tick_params(which="both", colors=MUTED, labelsize=SMALL, length=0)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_fontsize(NORMAL)
    ax.grid(axis="y", color=HAIRLINE, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


def variable(dataset: xarray.Dataset, name: str) -> xarray.DataArray:
    """Raises SelectionError, saying what there is, for a variable that there is not."""
    if name not in dataset:
        raise SelectionError(
            f"The dataset has no {name!r}.", f"It has {', '.join(map(str, dataset.data_vars))}."
        )
    return dataset[name]


def title_of(values: xarray.DataArray) -> str:
    return str(values.attrs.get("title", str(values.name).replace("_", " ")))


def check_checkpoint(dataset: xarray.Dataset, index: int) -> int:
    """The index, counted from the start; SelectionError for a checkpoint that there is not."""
    count = dataset.sizes["checkpoint"]
    if not -count <= index < count:
        raise SelectionError(
            f"There is no checkpoint {index}.", f"The dataset has 0 to {count - 1}."
        )
    return index % count


def check_head(grid: xarray.DataArray, head: Head) -> str:
    """The head's name; SelectionError for one that there is not."""
    layer, index = head
    layers, heads = grid.sizes["layer"], grid.sizes["head"]
    if not (0 <= layer < layers and 0 <= index < heads):
        raise SelectionError(
            f"There is no head {index} in layer {layer} of the dataset.",
            f"It has layers 0 to {layers - 1} with heads 0 to {heads - 1}.",
        )
    return f"L{layer}H{index}"


def compact(value: float, _place: float | None = None) -> str:
    """5,300,000 as 5.3M."""
    for unit, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:.3g}{suffix}"
    return f"{value:g}"


def ink_on(color: Sequence[float] | np.ndarray) -> str:
    """What can be read on a colour (red, green, blue, ...)."""
    return INK if np.dot(color[:3], (0.299, 0.587, 0.114)) > 0.55 else "white"


def signed(value: float | np.floating, form: str = ".2f") -> str:
    """A number with a true minus sign."""
    return format(value, form).replace("-", "−")


def visible(token: str) -> str:
    return token.replace("\n", "⏎").replace("\t", "⇥").replace("\r", "␍")


# --- the axis of training ------------------------------------------------------------------------


def training_axis(
    axes: Sequence[Axes], series: Mapping[str, xarray.Dataset], scale: Scale
) -> dict[str, Float[np.ndarray, " checkpoint"]]:
    """Where the checkpoints lie on x: at their tokens seen, or steps where they are not known.

    On a log axis, checkpoint 0 gets a place before the rest and the axis is broken there.

    Raises:
        SelectionError: no series, or one of a single checkpoint without training; some series know
            their tokens and some only their steps.
    """
    if not series:
        raise SelectionError("No series was given.", "Give at least one dataset.")
    for one in series.values():
        if "checkpoint" not in one.sizes:
            raise SelectionError(
                "The dataset has no checkpoints.", "Give what sweep or measures return of a series."
            )
    tokens = {name: np.asarray(one["tokens"].values, float) for name, one in series.items()}
    known = {name: bool(np.isfinite(seen).all()) for name, seen in tokens.items()}
    if len(set(known.values())) > 1:
        raise SelectionError(
            f"{', '.join(n for n in known if known[n])}: tokens seen are known; "
            f"{', '.join(n for n in known if not known[n])}: only steps.",
            "Draw them in figures of their own.",
        )
    in_tokens = all(known.values())
    xs = tokens if in_tokens else {n: np.asarray(s["step"], float) for n, s in series.items()}
    every = np.concatenate(list(xs.values()))
    estimated = any(_estimated(one).any() for one in series.values())
    if in_tokens:
        label = "tokens seen, in part estimated from steps" if estimated else "tokens seen"
    else:
        units = {unit_of(one) for one in series.values()}
        label = "training steps" if units == {STEPS} else ", ".join(sorted(units))
    for ax in axes:
        ax.set_xlabel(label)
        ax.margins(x=0.02)
        if scale == "log" and (every > 0).any():
            _log_axis(ax, every)
        else:
            ax.xaxis.set_major_formatter(compact)
    return xs


def _estimated(series: xarray.Dataset) -> np.ndarray:
    """Of which checkpoints tokens are estimated; none in datasets that do not say."""
    if "tokens_estimated" not in series.coords:
        return np.zeros(1, bool)
    return np.asarray(series["tokens_estimated"].values, bool)


def _log_axis(ax: Axes, every: Float[np.ndarray, " point"]) -> None:
    first, last = every[every > 0].min(), every.max()
    ticks = log_ticks(first, last)
    if (every > 0).all():
        ax.set_xscale("log")
    else:
        tenth = max(0.1, 0.1 * np.log10(last / first))
        ax.set_xscale("symlog", linthresh=first, linscale=tenth)
        ticks = [0.0, *ticks]
        ax.text(
            first / 2, 0, "//", transform=ax.get_xaxis_transform(), ha="center", va="center",
            color=MUTED, fontsize=SMALL, bbox={"fc": ax.get_facecolor(), "ec": "none", "pad": 0},
        )  # fmt: skip
    ax.set_xticks(ticks, [compact(tick) for tick in ticks])
    ax.minorticks_off()


def log_ticks(first: float, last: float) -> list[float]:
    """Powers of ten within the range, with 2 and 5 between them where there are few."""
    powers = np.arange(np.floor(np.log10(first)), np.ceil(np.log10(last)) + 1)
    tens, more = ([f * 10.0**p for p in powers for f in fs] for fs in ((1,), (1, 2, 5)))
    inside = [tick for tick in tens if first <= tick <= last]
    return inside if len(inside) >= 3 else [tick for tick in more if first <= tick <= last]


def curve(
    ax: Axes,
    x: Float[np.ndarray, " point"],
    y: Float[np.ndarray, " point"],
    color: str | tuple[float, ...],
    width: float = 1.6,
    zorder: int = 2,
) -> None:
    """A line with gaps where y is NaN; a value between two gaps is a dot."""
    known = np.isfinite(y)
    near = np.r_[False, known[:-1]] | np.r_[known[1:], False]
    alone = np.flatnonzero(known & ~near).tolist()
    dots: dict[str, Any] = (
        {"marker": "o", "markersize": 2.5 * width, "markevery": alone} if alone else {}
    )
    ax.plot(x, y, color=color, linewidth=width, zorder=zorder, solid_joinstyle="round", **dots)


def shade(ax: Axes, window: Window) -> None:
    """The phase change; paler, how far its 95 % intervals reach. Nothing where none was found."""
    if isinstance(window, PhaseChanges):
        if window.window is None:
            return
        change = window.changes[window.window]
        start, end = change.start, change.end
        reach = min(start, change.start_interval[0]), max(end, change.end_interval[1])
        ax.axvspan(*reach, color=PHASE, alpha=0.18, linewidth=0, zorder=0)
    elif window is not None:
        start, end = window
    else:
        return
    ax.axvspan(start, end, color=PHASE, alpha=0.18, linewidth=0, zorder=0)
    place = ax.xaxis.get_transform()
    middle = place.inverted().transform(place.transform(np.array([start, end])).mean(keepdims=True))
    ax.text(
        middle[0], 1.01, "phase change", transform=ax.get_xaxis_transform(), ha="center",
        va="bottom", color=MUTED, fontsize=SMALL - 1,
    )  # fmt: skip


# --- names of curves -----------------------------------------------------------------------------


class End(NamedTuple):
    """Where a curve ends, and its name there."""

    x: Float[np.ndarray, " point"]
    y: Float[np.ndarray, " point"]
    name: str
    color: str | tuple[float, ...]


def name_ends(ax: Axes, ends: Iterable[End]) -> None:
    """The curves' names at their right ends, moved apart where they would touch."""
    places = []
    for x, y, name, color in ends:
        known = np.flatnonzero(np.isfinite(y))
        if name and len(known):
            places.append(((x[known[-1]], y[known[-1]]), name, color))
    if not places:
        return
    ax.autoscale_view()
    height = ax.transData.transform([place for place, _, _ in places])[:, 1]
    height *= 72 / ax.figure.dpi
    for (place, name, color), shift in zip(places, apart(height, _LINE) - height, strict=True):
        ax.annotate(
            legible(name), place, xytext=(4, shift), textcoords="offset points", color=color,
            fontsize=SMALL, va="center", annotation_clip=False, parse_math=False,
        )  # fmt: skip


def apart(places: Float[np.ndarray, " n"], gap: float) -> Float[np.ndarray, " n"]:
    """The nearest places in the same order that are at least `gap` apart (least squares).

    Isotonic regression of the places less the gaps below them, by pooling adjacent violators.
    """
    order = np.argsort(places, kind="stable")
    gaps = gap * np.arange(len(places))
    blocks: list[tuple[float, int]] = []
    for place in places[order] - gaps:
        blocks.append((float(place), 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, m), (b, n) = blocks[-2:]
            blocks[-2:] = [((a * m + b * n) / (m + n), m + n)]
    moved = np.empty(len(places))
    moved[order] = np.repeat([mean for mean, _ in blocks], [n for _, n in blocks]) + gaps
    return moved
