"""What is drawn is what was computed."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import xarray
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from induction_kernels import (
    ablate_each,
    ablations,
    attention_patterns,
    head_scores,
    load_demo,
    loss_pca,
    measures,
    passage_losses,
    phase_changes,
    plots,
    sweep,
    wiring,
)
from induction_kernels.errors import SelectionError
from induction_kernels.plots import canvas
from induction_kernels.plots.passage import lay_out
from matplotlib import pyplot
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

pytestmark = pytest.mark.filterwarnings("error")

TEXT = "The value of (key):\n    return key\n\nvalue of (ke"


@pytest.fixture(scope="module")
def series():
    return load_demo("attn-only-2l").select([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24])


@pytest.fixture(scope="module")
def found(series):
    text = np.random.default_rng(0).integers(1, 500, (8, 100))
    return measures(series, text, progress=False)


@pytest.fixture(scope="module")
def scores(series):
    return sweep(series, ["prefix_matching", "previous_token"], progress=False)


@pytest.fixture(scope="module")
def passage(series):
    return passage_losses(series, TEXT, "qu", progress=False)


def lines(ax) -> list[np.ndarray]:
    return [np.asarray(line.get_ydata(), float) for line in ax.get_lines()]


def words(ax) -> str:
    labels = [ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left")]
    return " ".join([*labels, *(text.get_text() for text in ax.texts)])


def spans(ax) -> list[tuple[float, float]]:
    return [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in ax.patches]


# --- along training ---


def test_estimated_tokens_are_not_drawn_as_counted_ones(scores) -> None:
    def label(found) -> str:
        return words(plots.head_curves(found, heads=[(1, 2)]))

    estimated = ("checkpoint", [False, True] + [False] * 11)
    assert "in part estimated from steps" in label(scores.assign_coords(tokens_estimated=estimated))
    assert "estimated" not in label(scores)
    assert "estimated" not in label(scores.drop_vars("tokens_estimated"))


def test_curves_of_heads(scores, found) -> None:
    window = phase_changes(found, scores)
    assert window.window is not None
    ax = plots.head_curves(scores, heads=[(1, 2)], window=window)
    drawn = lines(ax)
    values = scores.prefix_matching.values
    for head in range(16):
        assert drawn[head] == pytest.approx(values[:, head // 8, head % 8])
        assert ax.get_lines()[head].get_xdata() == pytest.approx(scores.tokens.values)
    assert drawn[16] == pytest.approx(values[:, 1, 2])
    assert drawn[17] == pytest.approx(scores.prefix_matching.attrs["chance"])
    assert {"L1H2", "chance", "//"} <= {text.get_text() for text in ax.texts}
    assert "tokens seen Prefix matching" in words(ax)
    change = window.changes[window.window]
    reach, inner = spans(ax)
    assert inner == pytest.approx((change.start, change.end))
    assert reach == pytest.approx((change.start_interval[0], change.end_interval[1]))
    ax.figure.canvas.draw()
    ticks = [label.get_text() for label in ax.get_xticklabels()]
    assert ticks[0] == "0"
    assert "1M" in ticks


def test_the_axis_of_training(scores) -> None:
    assert plots.head_curves(scores).get_xscale() == "symlog"
    assert plots.head_curves(scores, x_scale="linear").get_xscale() == "linear"
    later = plots.head_curves(scores.isel(checkpoint=slice(1, None)))
    assert later.get_xscale() == "log"
    assert "//" not in words(later)
    in_steps = scores.assign_coords(tokens=scores.tokens * np.nan)
    assert "training steps" in words(plots.head_curves(in_steps))
    with pytest.raises(SelectionError, match=r"a: tokens seen are known; b: only steps"):
        plots.head_curves_side_by_side({"a": scores, "b": in_steps})
    with pytest.raises(SelectionError, match="no checkpoints"):
        plots.head_curves(scores.isel(checkpoint=0, drop=True))
    assert canvas.log_ticks(4e4, 1.2e7) == pytest.approx([1e5, 1e6, 1e7])
    assert canvas.log_ticks(3.0, 60.0) == pytest.approx([5, 10, 20, 50])
    for number, text in (
        (0.0, "0"),
        (850.0, "850"),
        (2e5, "200k"),
        (1.3e6, "1.3M"),
        (3e11, "300B"),
    ):
        assert canvas.compact(number) == text


def test_series_side_by_side_share_their_axes(scores) -> None:
    other = scores.isel(layer=[0])
    one, two = plots.head_curves_side_by_side(
        {"1l": other, "2l": scores}, heads={"2l": [(1, 2)]}, window={"2l": (1e6, 2e6)}
    )
    assert one.get_xlim() == two.get_xlim()
    assert one.get_ylim() == two.get_ylim()
    assert [one.get_title(loc="left"), two.get_title(loc="left")] == ["1l", "2l"]
    assert [len(lines(one)), len(lines(two))] == [8 + 1, 16 + 1 + 1]
    assert [spans(one), spans(two)] == [[], [(1e6, 2e6)]]
    with pytest.raises(SelectionError, match="no series '3l'"):
        plots.head_curves_side_by_side({"1l": other}, heads={"3l": [(0, 0)]})
    with pytest.raises(SelectionError, match="1 axes for 2 series"):
        plots.head_curves_side_by_side({"1l": other, "2l": scores}, axes=[one])


def test_measures_over_training(found) -> None:
    worse = found.assign(loss=found.loss + 1)
    ax = plots.over_training({"one": found, "other": worse}, "loss", window=(1e6, 2e6))
    assert lines(ax)[0] == pytest.approx(found.loss.values)
    assert lines(ax)[1] == pytest.approx(worse.loss.values)
    assert {"one", "other", "phase change"} <= {text.get_text() for text in ax.texts}
    assert "tokens seen Loss, nats" in words(ax)
    alone = plots.over_training(found, "in_context_learning")
    assert lines(alone)[0] == pytest.approx(found.in_context_learning.values)
    with pytest.raises(SelectionError, match=r"no 'los'.*It has loss"):
        plots.over_training(found, "los")
    with pytest.raises(SelectionError, match="checkpoint and position: no curve"):
        plots.over_training(found, "loss_slope")
    with pytest.raises(SelectionError, match="No series"):
        plots.over_training({}, "loss")


def test_loss_by_position(found) -> None:
    upper, lower = plots.loss_by_position(found, checkpoints=[0, 5, -1])
    for slot, checkpoint in enumerate((0, 5, 12)):
        assert lines(upper)[slot] == pytest.approx(found.loss_by_position.values[checkpoint])
        assert lines(lower)[slot] == pytest.approx(found.loss_slope.values[checkpoint])
        assert f"step {int(found.step[checkpoint]):,}" in words(upper)
    # The loss of the first prediction has one token of context.
    assert upper.get_lines()[0].get_xdata()[0] == 1
    assert "nats" in words(upper)
    assert "tokens of context" in words(lower)
    assert len(lines(plots.loss_by_position(found)[0])) == 6
    with pytest.raises(SelectionError, match=r"no checkpoint 13.*0 to 12"):
        plots.loss_by_position(found, checkpoints=[13])


def test_a_missing_checkpoint_is_a_gap(found) -> None:
    loss = found.loss.values.copy()
    loss[[3, 5]] = np.nan
    ax = plots.over_training(found.assign(loss=("checkpoint", loss)))
    assert np.isnan(lines(ax)[0]).nonzero()[0].tolist() == [3, 5]
    # Between two gaps a line has no length.
    assert ax.get_lines()[0].get_markevery() == [4]
    single = plots.over_training(found.isel(checkpoint=[4]))
    assert single.get_lines()[0].get_marker() == "o"


def test_tokens_and_the_answer_over_training(passage) -> None:
    ax = plots.token_trajectories(passage, [3, 7], window=(4e6, 5e6))
    curves = lines(ax)
    assert curves[0] == pytest.approx(passage.loss.values.mean(1), rel=1e-5)
    assert curves[1] == pytest.approx(passage.loss.sel(position=3).values)
    assert curves[2] == pytest.approx(passage.loss.sel(position=7).values)
    assert f"7 '{passage.token.sel(position=7).item()}'" in words(ax)
    assert "loss, nats" in words(ax)
    rank = plots.answer_rank(passage)
    assert lines(rank)[0] == pytest.approx(passage.answer_rank.values + 1)
    assert "place of 'qu' (1 = likeliest)" in words(rank)
    low, high = rank.get_ylim()
    assert high < 1 < passage.answer_rank.max() + 1 < low  # the best place is at the top
    with pytest.raises(SelectionError, match="no token 999"):
        plots.token_trajectories(passage, [999])
    with pytest.raises(SelectionError, match="no 'answer_rank'"):
        plots.answer_rank(passage.drop_vars("answer_rank"))


def test_ablations_through_training(series) -> None:
    found = ablations(series.select([0, 12]), [(1, 2)], controls=3, progress=False)
    for measure, name in (("loss", "loss"), ("in_context_learning", "in-context learning")):
        ax = plots.ablation_through_training(found, measure)
        assert lines(ax)[1] == pytest.approx(found[f"{measure}_change"].values)
        controls, error = (fill.get_paths()[0].vertices[:, 1] for fill in ax.collections)
        assert controls.min() == pytest.approx(found[f"control_{measure}"].values.min())
        assert controls.max() == pytest.approx(found[f"control_{measure}"].values.max())
        widest = (found[f"{measure}_change"] + found[f"{measure}_error"]).values.max()
        assert error.max() == pytest.approx(widest)
        assert f"change of {name}, nats" in words(ax)
        assert "3 random sets" in words(ax)


# --- in a plane ---


def test_paths_of_losses(found) -> None:
    other = found.assign(token_loss=found.token_loss[:, ::-1] * 1.1)
    series = {"2l": found, "other": other}
    inside = np.arange(13) > 8
    joint = loss_pca(series)
    ax = plots.loss_pca_path(joint, inside={"2l": inside})
    dots = ax.collections[0]
    assert np.asarray(dots.get_offsets()) == pytest.approx(joint["2l"].points)
    marked = [to_hex(color) == canvas.PHASE for color in dots.get_facecolors()]
    assert marked == inside.tolist()
    start = ax.collections[1].get_offsets()
    assert np.asarray(start)[0] == pytest.approx(joint["2l"].points[0])
    assert f"component 1, nats ({joint['2l'].explained[0]:.0%} of variance)" in words(ax)
    apart = loss_pca(series, standardised=True)
    named = words(plots.loss_pca_path(apart))
    assert "component 2, standard deviations " in named
    assert f"other ({apart['other'].explained[0]:.0%}," in named
    with pytest.raises(SelectionError, match=r"inside\['3l'\] has 13.*13 of '2l'"):
        plots.loss_pca_path(joint, inside={"3l": inside})


def test_heads_by_two_scores(scores) -> None:
    ax = plots.score_scatter(
        scores, "previous_token", "prefix_matching", heads=[(0, 3)], checkpoint=9
    )
    dots, named = (np.asarray(one.get_offsets()) for one in ax.collections)
    assert dots[:, 0] == pytest.approx(scores.previous_token.values[9].ravel())
    assert dots[:, 1] == pytest.approx(scores.prefix_matching.values[9].ravel())
    assert named[0, 0] == pytest.approx(scores.previous_token.values[9, 0, 3])
    trail = ax.get_lines()[3]
    assert trail.get_xdata() == pytest.approx(scores.previous_token.values[:10, 0, 3])
    assert "Previous token Prefix matching  chance chance L0H3" in words(ax)
    assert ax.get_lines()[16].get_xdata()[0] == scores.previous_token.attrs["chance"]
    bare = plots.score_scatter(scores, "previous_token", "prefix_matching", trails=False)
    assert len(lines(bare)) == 2
    with pytest.raises(SelectionError, match="no head 8 in layer 0"):
        plots.score_scatter(scores, "previous_token", "prefix_matching", heads=[(0, 8)])


# --- one checkpoint ---


def test_a_passage_before_and_after(passage) -> None:
    axes = plots.passage(passage, 4, -1)
    before, after = passage.loss.values[4], passage.loss.values[12]
    pieces = lay_out([canvas.visible(str(token)) for token in passage.token.values])
    of = [piece.token for piece in pieces]
    for ax, values in zip(axes, (before, after, after - before), strict=True):
        boxes = ax.collections[0]
        assert np.asarray(boxes.get_array()) == pytest.approx(values[of], abs=1e-6)
        sign = "+" if ax is axes[2] else ""
        assert f"mean {values.mean():{sign}.2f} nats".replace("-", "−") in words(ax)
        assert "".join(text.get_text() for text in ax.texts) == "".join(
            canvas.visible(str(token)) for token in passage.token.values
        )
    blue = axes[2].collections[0].to_rgba([-5.0])[0]
    assert blue[2] > blue[0]  # where the loss fell
    # The … on the first line, the indented return on the second.
    assert [piece.column for piece in pieces if piece.text.startswith("The")] == [0]
    assert {piece.row for piece in pieces} == {0, 1, 2, 3}
    with pytest.raises(SelectionError, match="1 axes were given"):
        plots.passage(passage, 0, 1, axes=axes[:1])
    missing = passage.assign(loss=passage.loss.where(passage.checkpoint != 4))
    assert "not known" in words(plots.passage(missing, 4, -1)[0])


@given(st.lists(st.text("ab ⏎", min_size=1, max_size=200), min_size=1, max_size=20))
def test_tokens_lie_beside_each_other(tokens: list[str]) -> None:
    pieces = lay_out(tokens)
    for token, text in enumerate(tokens):
        assert "".join(piece.text for piece in pieces if piece.token == token) == text
    cells = [(piece.row, piece.column + at) for piece in pieces for at in range(len(piece.text))]
    assert len(set(cells)) == len(cells)
    assert cells == sorted(cells)
    assert all(column < 72 for _, column in cells)


@pytest.mark.slow
def test_grids_of_heads(series) -> None:
    model = series.load(-1)
    found = head_scores(model, ["induction", "qk_trace"])
    ax = plots.head_grid(found, "induction")
    assert np.asarray(ax.images[0].get_array()) == pytest.approx(found.induction.values)
    assert ax.images[0].get_clim() == pytest.approx((0, found.induction.values.max()))
    assert f"{found.induction.values[1, 2]:.2f}" in words(ax)
    assert plots.head_grid(found, limits=(0.0, 1.0)).images[0].get_clim() == (0, 1)
    each = ablate_each(model)
    grid = plots.ablation_grid(each, "induction_loss")
    assert np.asarray(grid.images[0].get_array()) == pytest.approx(each.induction_loss.values)
    assert "change of induction loss with a head's output set to zero, nats" in words(grid)
    signed = xarray.Dataset({"x": (("layer", "head"), np.linspace(-1, 3, 80).reshape(8, 10))})
    signed.x[0, 0] = np.nan
    wide = plots.head_grid(signed, "x")
    assert wide.images[0].get_clim() == (-3, 3)
    assert np.asarray(wide.images[0].get_array().mask).sum() == 1
    assert len(wide.figure.axes) == 2  # numbers would not fit: a colour bar
    with pytest.raises(SelectionError, match=r"isel\(checkpoint=-1\)"):
        plots.head_grid(signed.expand_dims(checkpoint=2), "x")


def test_a_pattern(series) -> None:
    attention = attention_patterns(series.load(-1), "a b c a b c", heads=[(1, 2)])[0]
    ax = plots.pattern(attention, ["$$", *(f"{i}$a$" for i in range(len(attention) - 1))])
    cells = ax.images[0].get_array()
    assert np.asarray(cells.filled(0)) == pytest.approx(attention.numpy())
    assert (cells.mask == np.triu(np.ones(attention.shape, bool), 1)).all()
    assert "key (source) query (destination)" in words(ax)
    ax.figure.canvas.draw()  # dollars are no formulas
    with pytest.raises(SelectionError, match=r"2 tokens for a pattern of"):
        plots.pattern(attention, ["a", "b"])


def test_what_feeds_a_head(series) -> None:
    found = wiring(series.load(-1), (1, 6))
    ax = plots.wiring(found)
    assert len(ax.patches) == 8
    order = np.argsort(-np.abs(found.effect.values[0]))
    for edge, head in zip(ax.patches, order, strict=True):
        assert edge.get_path().vertices[[0, -1]].tolist() == [[head, 0], [6, 1]]
    widths = np.array([edge.get_linewidth() for edge in ax.patches])
    composition = found.composition.values[0, order]
    assert np.corrcoef(widths, np.maximum(composition, 0))[0, 1] == pytest.approx(1)
    circles = ax.collections[0]
    assert np.asarray(circles.get_array()) == pytest.approx(found.previous_token.values[0])
    strongest = f"{found.effect.values[0, order[0]]:+.2f}".replace("-", "−")
    assert strongest in words(ax)
    assert f"L1H6, induction {float(found.induction):.2f}" in words(ax)
    numbers = [text for text in ax.texts if re.fullmatch(r"[+−][\d.]+", text.get_text())]
    assert len(numbers) > 1
    boxes = [number.get_window_extent() for number in numbers]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    with pytest.raises(SelectionError, match="first layer"):
        plots.wiring(wiring(series.load(-1), (0, 1)))


# --- all figures ---


def test_figures_are_saved_shown_and_drawn_into(found, tmp_path) -> None:
    ax = plots.over_training(found, "loss")
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        ax.figure.savefig(tmp_path / "loss.svg")
    svg = (tmp_path / "loss.svg").read_text()
    assert "<path" in svg
    assert ">Loss, nats</text>" in svg
    assert ax.figure._repr_png_().startswith(b"\x89PNG")
    mine = Figure().add_subplot()
    assert plots.over_training(found, "induction_loss", ax=mine) is mine


def test_nothing_global_is_touched(found, passage) -> None:
    before = dict(matplotlib.rcParams), pyplot.get_fignums()
    for ax in (plots.over_training(found), *plots.passage(passage, 0, 1)):
        ax.figure.canvas.draw()
    assert (dict(matplotlib.rcParams), pyplot.get_fignums()) == before


@pytest.mark.slow
def test_the_kernels_do_not_need_matplotlib() -> None:
    script = (
        "import sys, induction_kernels\n"
        "print('matplotlib' in sys.modules)\n"
        "sys.modules['matplotlib'] = None\n"
        "try: from induction_kernels import plots\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == [
        "False",
        "Figures need Matplotlib: pip install 'induction-explorer[plots]'",
    ], done.stderr


def test_the_colours_are_those_of_the_widget() -> None:
    source = (Path(__file__).parents[2] / "js" / "src" / "ui" / "color.ts").read_text()
    light = re.search(r"light: \[((?:\"#\w{6}\",? ?)+)\]", source)
    assert light is not None
    assert tuple(re.findall(r"#\w{6}", light[1])) == canvas.PALETTE


@given(
    arrays(float, st.integers(1, 12), elements=st.floats(-100, 100)),
    st.floats(0.1, 20),
)
def test_names_move_apart_no_more_than_they_must(places, gap) -> None:
    moved = canvas.apart(places, gap)
    order = np.argsort(places, kind="stable")
    assert (np.diff(moved[order]) >= gap - 1e-9).all()
    # Of the least squares under these constraints: no set of neighbours that touch would gain by
    # moving together, nor its upper part by moving up.
    shift = (moved - places)[order]
    touching = np.split(shift, np.flatnonzero(np.diff(moved[order]) > gap + 1e-9) + 1)
    for group in touching:
        assert group.sum() == pytest.approx(0, abs=1e-6)
        assert (np.cumsum(group[::-1])[:-1] >= -1e-6).all()
