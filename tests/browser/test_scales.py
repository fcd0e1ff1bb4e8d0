"""At every device scale a colour lies on its cell: what is seen is what is pointed at."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from harness import Harness
from PIL import Image
from playwright.sync_api import Browser, CDPSession, Locator, Page, expect

WIDTH, HEIGHT = 1400, 2400
#: CSS pixels from the edge of a cell in which a neighbour's colour may not be.
INSET = 3

# A value of its own for every head, none beside its nearest.
SPREAD = """() => {
  const { layers, heads, steps } = fake.get("_series")[0];
  const n = layers * heads;
  const values = Float32Array.from({ length: n * steps.length }, (_, i) => (((i % n) * 5) % n) / n);
  const shape = [steps.length, layers, heads];
  const grid = { dtype: "float32", shape, data: new DataView(values.buffer) };
  fake.receive({ heads: [], _grids: { "0/induction": grid } });
}"""


class Screen:
    """The harness on a screen whose scale can be changed while the page is open."""

    def __init__(self, page: Page, harness: Harness) -> None:
        self.page = page
        self.harness = harness
        self.session: CDPSession = page.context.new_cdp_session(page)
        self.reset()

    def reset(self) -> None:
        self._measure(WIDTH, 1)

    def scale(self, ratio: float) -> None:
        # Zooming makes the page narrower or wider too; without that, Chromium tells no listener.
        self._measure(2 * WIDTH + 1 - self.width, ratio)

    def _measure(self, width: int, ratio: float) -> None:
        self.width = width
        self.session.send(
            "Emulation.setDeviceMetricsOverride",
            {
                "width": self.width,
                "height": HEIGHT,
                "deviceScaleFactor": ratio,
                "mobile": False,
            },
        )
        self.page.wait_for_function("ratio => devicePixelRatio === ratio", arg=ratio)

    def open(self, **query: str | int) -> None:
        self.page.mouse.move(0, 0)
        self.harness.open(self.page, **query)

    def look(self, part: Locator) -> Callable[[float, float], np.ndarray]:
        """The colour that is seen in a part of the page, [RGB], by place in CSS pixels."""
        for _ in range(2):  # what has changed is drawn in the next frame
            self.page.evaluate("() => new Promise(requestAnimationFrame)")
        [[left, top, width, height]] = boxes(part)
        # At a whole pixel of the screen at every scale, so that nothing is blended.
        x, y = 4 * (left // 4), 4 * (top // 4)
        clip = {"x": x, "y": y, "width": width + 4, "height": height + 4, "scale": 1}
        shot = self.session.send("Page.captureScreenshot", {"format": "png", "clip": clip})
        pixels = np.asarray(Image.open(BytesIO(b64decode(shot["data"]))).convert("RGB")).astype(int)
        ratio = self.page.evaluate("devicePixelRatio")
        return lambda at_x, at_y: pixels[int((at_y - y) * ratio), int((at_x - x) * ratio)]


@pytest.fixture(scope="module")
def shared_screen(harness: Harness, chrome: Browser) -> Iterator[Screen]:
    context = chrome.new_context(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=1)
    yield Screen(context.new_page(), harness)
    context.close()


@pytest.fixture
def screen(shared_screen: Screen) -> Screen:
    shared_screen.reset()
    return shared_screen


@pytest.fixture(params=[1, 1.25, 2])
def ratio(request: pytest.FixtureRequest, screen: Screen) -> float:
    screen.scale(request.param)
    return request.param


def boxes(cells: Locator) -> list[tuple[float, float, float, float]]:
    """Left, top, width and height of each, in CSS pixels."""
    return cells.evaluate_all(
        "all => all.map(c => c.getBoundingClientRect()).map(b => [b.x, b.y, b.width, b.height])"
    )


def values(cells: Locator) -> list[float]:
    """The numbers in the names of grid cells."""
    names = cells.evaluate_all("cells => cells.map(c => c.getAttribute('aria-label'))")
    return [float(name.rsplit(" ", 1)[1]) for name in names]


def colours_of(screen: Screen, grid: Locator) -> np.ndarray:
    """The colour of each cell, [cell, RGB], which is the same in its four corners."""
    colour = screen.look(grid)
    found = []
    for left, top, width, height in boxes(grid.get_by_role("gridcell")):
        corners = [
            colour(x, y)
            for x in (left + INSET, left + width - INSET)
            for y in (top + INSET, top + height - INSET)
        ]
        assert (np.ptp(corners, axis=0) == 0).all(), f"the cell at {left}, {top} has {corners}"
        found.append(corners[0])
    return np.array(found)


def assert_ordered(shown: np.ndarray, numbers: list[float], least: float) -> None:
    """Colours (a number each) rise with the numbers that differ by more than `least`."""
    order = np.argsort(numbers)
    for low, high in pairwise(order):
        if numbers[high] - numbers[low] > least:
            assert shown[high] > shown[low], f"cells {low} and {high}"


def head_scores(screen: Screen) -> Locator:
    """The grid of scores, spread and without the rings of selected heads."""
    screen.page.evaluate(SPREAD)
    grid = screen.page.get_by_role("grid", name="Head scores")
    expect(grid.locator("[aria-selected=true]")).to_have_count(0)
    expect(grid.get_by_role("gridcell").first).to_have_attribute("aria-label", re.compile(" 0.000"))
    return grid


def assert_scores_lie_on_their_cells(screen: Screen, grid: Locator) -> None:
    numbers = values(grid.get_by_role("gridcell"))
    assert len(set(numbers)) == len(numbers)
    assert_ordered(-colours_of(screen, grid).sum(1), numbers, 0.01)


@pytest.mark.usefixtures("ratio")
@pytest.mark.parametrize("case", ["2l", "twelve"])
def test_scores_lie_on_their_cells(screen: Screen, case: str) -> None:
    screen.open(case=case)
    assert_scores_lie_on_their_cells(screen, head_scores(screen))


@pytest.mark.usefixtures("ratio")
def test_effects_lie_on_their_cells(screen: Screen) -> None:
    screen.open(case="none", tab="ablation")
    grid = screen.page.get_by_role("grid", name="Ablation effects")
    cells = grid.get_by_role("gridcell")
    expect(cells.first).to_have_attribute("aria-label", re.compile(r"\d$"))
    colours = colours_of(screen, grid)
    assert_ordered(colours[:, 2] - colours[:, 0], values(cells), 0.01)


@pytest.mark.usefixtures("ratio")
def test_pointing_at_a_cell_names_its_head(screen: Screen) -> None:
    screen.open(case="2l")
    grid = head_scores(screen)
    for cell, (left, top, width, height) in zip(
        ["L0H0", "L0H3", "L1H0", "L1H3"],
        [boxes(grid.get_by_role("gridcell"))[i] for i in (0, 3, 4, 7)],
        strict=True,
    ):
        at = (left + width / 2, top + height / 2)
        screen.page.mouse.move(*at)
        expect(screen.page.locator(".ie-legend-readout").first).to_contain_text(cell)
        screen.page.mouse.click(*at)
        expect(grid.locator("[aria-selected=true]")).to_have_count(1)
        expect(grid.locator("[aria-selected=true]")).to_have_attribute(
            "aria-label", re.compile(cell)
        )


@pytest.mark.usefixtures("ratio")
def test_a_pattern_says_what_is_seen(screen: Screen) -> None:
    """Pointing at the middle of a cell says its number, and its colour is that number's."""
    screen.open(case="2l")
    expect(screen.page.get_by_text("computing …")).to_have_count(0)
    picture = screen.page.get_by_role("img", name="Attention pattern").last
    tokens = screen.page.get_by_role("listbox", name="Tokens").get_by_role("option").count()
    colour = screen.look(picture)
    [[left, top, width, height]] = boxes(picture)
    said, seen = [], []
    for query, key in [(1, 0), (20, 5), (40, 25), (62, 47), (62, 61), (63, 63), (63, 0)]:
        at = (left + (key + 0.5) * width / tokens, top + (query + 0.5) * height / tokens)
        screen.page.mouse.move(*at)
        status = screen.page.get_by_role("status")
        expect(status).to_have_text(re.compile(rf"^query {query} .* key {key} ", re.DOTALL))
        found = re.search(r"attends (\d\.\d\d)", status.inner_text())
        assert found is not None
        said.append(float(found[1]))
        seen.append(-colour(*at).sum())
    assert max(said) - min(said) > 0.3
    assert_ordered(np.array(seen), said, 0.05)


def test_a_pattern_of_more_cells_than_pixels_keeps_its_stripe(screen: Screen, ratio: float) -> None:
    """At 1,933 tokens a cell is a fifth of a pixel wide, and the stripe one cell."""
    screen.open(case="long")
    picture = screen.page.get_by_role("img", name="Attention pattern L1H1")
    expect(screen.page.get_by_text("computing …")).to_have_count(0)
    stripe, ground, columns, width = picture.evaluate(
        """canvas => {
          const { width, height } = canvas;
          const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
          const at = (x, y) => data[4 * (y * width + x)];
          const rows = Array.from({ length: 40 }, (_, i) => Math.floor(height * (0.2 + 0.019 * i)));
          return [
            // Fifteen tokens back, in the pixel there or one beside it.
            rows.map(y => y - Math.round((15 * width) / 1933))
              .map((x, i) => Math.min(at(x - 1, rows[i]), at(x, rows[i]), at(x + 1, rows[i]))),
            rows.map(y => at(Math.floor(y / 2), y)),
            width,
            canvas.clientWidth,
          ];
        }"""
    )
    assert columns == int(width * ratio)
    assert max(stripe) < 0.7 * min(ground)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_scale_of_attention_is_chosen_and_kept(screen: Screen, theme: str) -> None:
    screen.open(case="2l", theme=theme)
    expect(screen.page.get_by_text("computing …")).to_have_count(0)
    picture = screen.page.get_by_role("img", name="Attention pattern").last
    tokens = screen.page.get_by_role("listbox", name="Tokens").get_by_role("option").count()
    [[left, top, width, height]] = boxes(picture)
    # 0.02 or so, on a scale from 0 to 1.
    faint = (left + 5.5 * width / tokens, top + 40.5 * height / tokens)
    contrast = []
    for scale in ("linear", "square root", "log"):
        screen.page.get_by_role("combobox", name="Attention colours").select_option(scale)
        screen.page.wait_for_function(
            "scale => (fake.get('_view').attention_scale ?? 'linear') === scale", arg=scale
        )
        colour = screen.look(picture)
        contrast.append(abs(colour(*faint) - colour(left + width - 9, top + 9)).sum())
    assert contrast == sorted(contrast)
    assert contrast[2] > contrast[0] + 60


@pytest.mark.usefixtures("ratio")
def test_a_dot_is_where_it_is_pointed_at(screen: Screen) -> None:
    """The dots of the selected heads have the colours of their names."""
    screen.open(case="2l", tab="scatter")
    chart = screen.page.get_by_role("figure").last.locator(".ie-chart")
    names = chart.locator(".ie-name")
    expect(names).to_have_count(2)
    colour = screen.look(chart)
    [[x, y, _, _]] = boxes(chart)
    for name in names.all():
        left, top, ink = name.evaluate(
            """e => {
                const { x, y } = e.dataset;
                return [+x, +y, getComputedStyle(e.querySelector("text")).fill];
            }"""
        )
        assert [int(c) for c in re.findall(r"\d+", ink)] == list(colour(x + left, y + top))
        screen.page.mouse.move(x + left, y + top)
        expect(chart.locator(".ie-tip strong")).to_have_text(name.text_content() or "")


def test_a_change_of_scale_is_drawn_at_once(screen: Screen) -> None:
    """As when a window is moved to another screen, or the page is zoomed."""
    screen.open(case="2l")
    grid = head_scores(screen)
    canvas = screen.page.locator(".ie-grid-canvas")
    for ratio in (2, 1.25):
        screen.scale(ratio)
        screen.page.wait_for_function(
            "([canvas, ratio]) => canvas.width === Math.round(canvas.clientWidth * ratio)",
            arg=[canvas.element_handle(), ratio],
        )
        assert_scores_lie_on_their_cells(screen, grid)
