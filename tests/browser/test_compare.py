"""Two checkpoints, and two models of unlike shape: what is seen is the change that is said."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from harness import Harness
from kernel import Kernel
from labpage import LabPage
from lent_windows import Windows
from notebooks import SHOW, Desk
from parts import Explorer
from PIL import Image
from playwright.sync_api import Locator, Page, expect

SCREENS = [(1440, 1), (1440, 2), (480, 1), (480, 2)]


@pytest.fixture(params=SCREENS, ids=lambda screen: "{}px at {}".format(*screen))
def compared(harness: Harness, windows: Windows, request: pytest.FixtureRequest) -> Page:
    """The last checkpoint of a made-up series beside an early one, at one width and scale."""
    width, scale = request.param
    page = windows.new_page(viewport={"width": width, "height": 2400}, device_scale_factor=scale)
    harness.open(page, case="2l", tab="scatter")
    page.evaluate("() => fake.receive({ checkpoint: 25, compare: 6 })")
    expect(page.get_by_role("combobox", name="Grid shows")).to_have_value("change")
    return page


def boxes(parts: Locator) -> np.ndarray:
    """Left, top, right and bottom of each part that is seen."""
    found = parts.evaluate_all(
        "all => all.map(e => e.getBoundingClientRect()).map(b => [b.x, b.y, b.right, b.bottom])"
    )
    return np.array([box for box in found if box[2] > box[0] and box[3] > box[1]])


def collide(left: np.ndarray, right: np.ndarray) -> bool:
    return bool((np.minimum(left[2:], right[2:]) > np.maximum(left[:2], right[:2]) + 0.5).all())


@pytest.mark.parametrize("compared", SCREENS[1:3], indirect=True, ids=str)
def test_colours_are_those_of_gains_and_losses(compared: Page) -> None:
    grid = compared.get_by_role("grid", name="Head scores")
    names = grid.get_by_role("gridcell").evaluate_all(
        "cells => cells.map(cell => cell.getAttribute('aria-label'))"
    )
    changes = [float(name.split(" change ")[1].split()[0].replace("−", "-")) for name in names]
    corners = compared.locator(".ie-grid-canvas").first.evaluate(
        """canvas => {
          const context = canvas.getContext("2d");
          return [...canvas.parentElement.querySelectorAll("[role=gridcell]")].map((cell) => {
            const [box, all] = [cell.getBoundingClientRect(), canvas.getBoundingClientRect()];
            const ratio = canvas.width / all.width;
            const [x, y] = [box.x - all.x + 4, box.y - all.y + 4].map((at) => at * ratio);
            return [...context.getImageData(x, y, 1, 1).data.slice(0, 3)];
          });
        }"""
    )
    blue = [int(b) - int(r) for r, _, b in corners]
    assert max(changes) > 0.2, "a head that forms"
    for change, tint in zip(changes, blue, strict=True):
        if change > 0.05:
            assert tint > 30
        else:
            assert abs(tint) < 30


def test_nothing_collides_or_is_cut_off(compared: Page) -> None:
    expect(compared.get_by_role("table", name="Next-token predictions")).to_contain_text("→")
    for caption in (
        ".ie-grid .ie-caption",
        ".ie-patterns .ie-caption",
        ".ie-predictions .ie-caption",
    ):
        parts = boxes(compared.locator(f"{caption} > *"))
        for i, part in enumerate(parts):
            assert not any(collide(part, other) for other in parts[i + 1 :]), caption
    cut = compared.locator(".ie-table-compared :is(th, td):not(.ie-bar)").evaluate_all(
        "cells => cells.filter((cell) => cell.scrollWidth > cell.clientWidth + 1)"
        ".map((cell) => cell.textContent)"
    )
    assert cut == []
    assert compared.evaluate("document.documentElement.scrollWidth <= innerWidth")


PIXELS = """async canvas => {
  const isPainted = () =>
    canvas.width > 0 && canvas.getContext("2d").getImageData(0, 0, canvas.width, 1).data[3] > 0;
  while (!isPainted()) await new Promise(requestAnimationFrame);
  const { width, height } = canvas;
  return [width, ...canvas.getContext("2d").getImageData(0, 0, width, height).data];
}"""


def pixels(canvas: Locator) -> np.ndarray:
    """What is painted, [row, column, RGB], as soon as its pattern is there."""
    width, *data = canvas.evaluate(PIXELS)
    return np.array(data).reshape(-1, width, 4)[..., :3]


@pytest.mark.parametrize("compared", SCREENS[::3], indirect=True, ids=str)
def test_a_split_square_shows_after_below_and_before_above(compared: Page) -> None:
    pair = compared.locator(".ie-panel").last.get_by_role("img")
    expect(pair).to_have_count(2)
    before, after = (pixels(pair.nth(i)) for i in (0, 1))
    tokens = len(after)
    compared.get_by_role("combobox", name="Patterns stand").select_option("split")
    square = compared.locator(".ie-panel-square").last
    expect(square.get_by_role("img")).to_have_count(2)
    square.scroll_into_view_if_needed()
    box = square.bounding_box()
    assert box is not None
    shot = Image.open(BytesIO(square.screenshot())).convert("RGB")
    cell = shot.width / tokens
    for query, key in ((40, 9), (50, 35), (61, 1), (20, 18)):
        below = shot.getpixel((int((key + 0.5) * cell), int((query + 0.5) * cell)))
        above = shot.getpixel((int((query + 0.5) * cell), int((key + 0.5) * cell)))
        assert np.abs(np.subtract(below, after[query, key])).max() <= 2
        assert np.abs(np.subtract(above, before[query, key])).max() <= 2
    # Pointing above the diagonal means the cell that is mirrored there.
    side = box["width"] / tokens
    compared.mouse.move(box["x"] + 50.5 * side, box["y"] + 35.5 * side)
    status = compared.get_by_role("status").filter(has_text="query 50")
    expect(status).to_contain_text("to key 35")
    label = compared.evaluate("fake.get('_series')[0].labels[6]")
    expect(status).to_contain_text(f"at {label})")


UNLIKE = """\
known = load_demo("attn-only-1l").select([0, 12, -1])
w = InductionExplorer([series, known], compare=4)
w.wait()
"""


def test_two_checkpoints_then_a_model_of_another_shape(
    desk: Desk, request: pytest.FixtureRequest
) -> None:
    with desk.notebook(request.node.name, UNLIKE, SHOW) as page:
        page.run_all()
        view, python = Explorer(page.page), desk.python
        check_change(view, page, python)
        check_predictions(view, python)
        check_other_series(view, page, python)
        view.root.get_by_role("combobox", name="Series", exact=True).select_option("1")
        page.wait_until(lambda: python.value("w.series") == 1, "the trait")
        best = "w._sessions[1].best_heads({}, 'previous_token', 'induction')"
        page.wait_until(
            lambda: python.value("w.heads") == python.value(best.format("w.checkpoint")),
            "the heads that do the same",
        )
        expect(view.cells).to_have_count(8)
        check_change(view, page, python)


def check_change(view: Explorer, page: LabPage, python: Kernel) -> None:
    """Every cell says the difference of the scores that the kernel has."""
    change = python.value(
        "(w.scores().induction[w.checkpoint] - w.scores().induction[w.compare])"
        ".values.ravel().tolist()"
    )
    label = python.value("w._series[w.series]['labels'][w.compare]")
    said = [f" change {value:+.3f} from {label}".replace("-", "−") for value in change]
    said = [text.replace("+0.000", "0.000").replace("−0.000", "0.000") for text in said]

    def is_said() -> bool:
        names = [name or "" for name in view.names()]  # a cell has none before its score is there
        return all(map(str.endswith, names, said))

    page.wait_until(is_said, f"names that end in {said}")


OTHER = """\
import numpy as np
from induction_explorer.series.counterparts import counterparts
_one, _two = w._sessions
_goal = series.tokens[w.compare]
_at = int(np.argmin([abs(tokens - _goal) for tokens in known.tokens]))
_heads = [[layer, head] for layer in range(_one.layers) for head in range(_one.heads)]
_there = counterparts(_heads, "induction", _one.grids, _two.grids)
_label = f"{_two.name} {w._series[1]['labels'][_at]}"
_said = []
for (_layer, _head), _other in zip(_heads, _there):
    _now = _one.grids["induction"][w.checkpoint, _layer, _head]
    if _other is None:
        _said.append(f" change not computed from no head of {_label}")
        continue
    _change = _now - _two.grids["induction"][(_at, *_other)]
    _said.append(f" change {_change:+.3f} from L{_other[0]}H{_other[1]} of {_label}")
"""


def check_other_series(view: Explorer, page: LabPage, python: Kernel) -> None:
    """Every head less its counterpart, at the nearest checkpoint; and a pattern beside its own."""
    choice = view.root.get_by_role("combobox", name="Compared series")
    choice.select_option("1")
    python.run(OTHER)
    said = [text.replace(" -", " −") for text in python.value("_said")]
    said = [text.replace("+0.000", "0.000").replace("−0.000", "0.000") for text in said]
    page.wait_until(
        lambda: all(map(str.endswith, [name or "" for name in view.names()], said)), str(said)
    )
    python.run("_layer, _head = _there[_heads.index(list(w.heads[-1]))]")
    name = python.value("f'Pattern of L{_layer}H{_head} of {_label}'")
    expect(view.root.get_by_role("img", name=name, exact=True).first).to_be_visible()
    view.tokens.nth(12).hover()
    python.run(
        "from induction_kernels import attention_patterns\n"
        "_row = attention_patterns(series.load(w.checkpoint), w.prompt, w.heads)[-1, 12]\n"
        "_key = int(_row.argmax())\n"
        "_before = attention_patterns(known.load(_at), w.prompt, [(_layer, _head)])[0, 12, _key]"
    )
    exactly = python.value("f'exactly {float(_before):.3f} → {float(_row.max()):.3f}'")
    expect(view.root.locator(".ie-exactly")).to_have_text(exactly)
    choice.select_option("")


RANKED = """\
from induction_kernels import top_predictions
def ranked(checkpoint):
    found = top_predictions(series.load(checkpoint), w.prompt, k=10)
    return dict(zip(found.tokens, found.probabilities.tolist()))
now, then = ranked(w.checkpoint), ranked(w.compare)
"""


def check_predictions(view: Explorer, python: Kernel) -> None:
    """Every token has the probabilities that the kernel finds at the two checkpoints."""
    python.run(RANKED)
    now, then = python.value("now"), python.value("then")
    rows = view.predictions.locator("tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].slice(1, 4).map(cell => cell.textContent))"
    )
    assert [token for token, *_ in rows[:10]] == list(now)
    for token, before, after in rows:
        for text, known in ((before, then), (after, now)):
            assert text.startswith("<") == (token not in known)
            if token in known:
                assert abs(float(text) - known[token]) <= 0.0051
