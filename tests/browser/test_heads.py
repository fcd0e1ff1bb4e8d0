"""Heads are chosen in the grid; each has a pattern, and Python knows which."""

from __future__ import annotations

import re

from induction_kernels.scores.classes import CLASSES
from kernel import Kernel
from labpage import VIEWPORT, LabPage
from parts import Explorer
from playwright.sync_api import expect

# What is written into the grid from now on: [text, left, top, right, bottom] in its pixels.
RECORD = """canvas => {
  window.written = [];
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    if (this.canvas === canvas) {
      const box = this.measureText(text);
      const at = (right, down) => this.getTransform().transformPoint({ x: x + right, y: y + down });
      const start = at(-box.actualBoundingBoxLeft, -box.actualBoundingBoxAscent);
      const end = at(box.actualBoundingBoxRight, box.actualBoundingBoxDescent);
      written.push([text, start.x, start.y, end.x, end.y]);
    }
    fillText.call(this, text, x, y);
  };
}"""
#: Of a selected head, inside its cell.
FRAME = 4

#: How the description of a head begins, by `head_class`.
TITLES = {one.name: one.title.lower() for one in CLASSES} | {"unnamed": "unnamed"}


def test_a_click_selects_one_head(page: LabPage, explorer: Explorer, python: Kernel) -> None:
    explorer.cell("L0H2").click()
    expect(explorer.cell("L0H2")).to_have_attribute("aria-selected", "true")
    expect(explorer.grid.locator("[aria-selected=true]")).to_have_count(1)
    expect(explorer.patterns).to_have_count(1)
    expect(explorer.pattern("L0H2")).to_be_visible()
    page.wait_until(lambda: python.value("w.heads") == [[0, 2]], "the trait")


def test_shift_and_ctrl_add_and_remove(page: LabPage, explorer: Explorer, python: Kernel) -> None:
    explorer.cell("L0H1").click()
    explorer.cell("L1H3").click(modifiers=["Shift"])
    explorer.cell("L1H1").click(modifiers=["Control"])
    expect(explorer.patterns).to_have_count(3)
    page.wait_until(lambda: python.value("w.heads") == [[0, 1], [1, 3], [1, 1]], "three heads")
    explorer.cell("L1H3").click(modifiers=["Shift"])
    expect(explorer.patterns).to_have_count(2)
    expect(explorer.cell("L1H3")).to_have_attribute("aria-selected", "false")
    page.wait_until(lambda: python.value("w.heads") == [[0, 1], [1, 1]], "two heads")


def test_arrow_keys_and_enter(page: LabPage, explorer: Explorer, python: Kernel) -> None:
    explorer.cell("L0H0").click()
    keys = page.page.keyboard
    keys.press("ArrowDown")
    keys.press("ArrowRight")
    expect(explorer.cell("L1H1")).to_be_focused()
    keys.press("Enter")
    expect(explorer.cell("L1H1")).to_have_attribute("aria-selected", "true")
    page.wait_until(lambda: python.value("w.heads") == [[1, 1]], "the head under the cursor")
    keys.press("ArrowRight")
    keys.press("Shift+Enter")
    page.wait_until(lambda: python.value("w.heads") == [[1, 1], [1, 2]], "one more")
    # Shift+Enter runs a cell in JupyterLab: not from here.
    expect(explorer.cell("L1H2")).to_be_focused()


def test_patterns_of_new_heads_follow_the_slider(page: LabPage, explorer: Explorer) -> None:
    explorer.cell("L0H3").click()
    expect(explorer.root.get_by_text("computing …")).to_have_count(0)
    before = explorer.picture("L0H3")
    explorer.slider.focus()
    page.page.keyboard.press("Home")
    page.wait_until(lambda: explorer.picture("L0H3") != before, "the pattern of step 0")


def test_the_picture_is_the_pattern_of_the_kernel(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    """The brightest and the darkest cell on the canvas are those of the numbers."""
    explorer.cell("L1H2").click()
    expect(explorer.root.get_by_text("computing …")).to_have_count(0)
    python.run(
        "from induction_kernels import attention_patterns\n"
        "_a = attention_patterns(series.load(w.checkpoint), w.prompt, [(1, 2)])[0]\n"
        "_n = len(_a); _q, _k = divmod(int(_a[1:].argmax()) + _n, _n)"
    )
    n, query, key, value = python.value("(_n, _q, _k, round(float(_a[_q, _k]), 2))")
    box = explorer.pattern("L1H2").bounding_box()
    assert box is not None
    page.page.mouse.move(
        box["x"] + (key + 0.5) * box["width"] / n, box["y"] + (query + 0.5) * box["height"] / n
    )
    expect(explorer.status).to_contain_text(f"query {query} ")
    expect(explorer.status).to_contain_text(f"attends {value:.2f} to key {key} ")


#: How opaque each cell of the grid is painted, away from its number: [layer][head], 0 to 255.
_OPAQUE = """(canvas) => {
  const { width, height } = canvas;
  const context = canvas.getContext("2d");
  const at = (row, column) =>
    context.getImageData((column + 0.9) * width / 8, (row + 0.5) * height / 2, 1, 1);
  return [0, 1].map((row) => [...Array(8).keys()].map((column) => at(row, column).data[3]));
}"""


def test_named_heads_are_described_and_one_class_can_be_lit_alone(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    python.run(
        "from induction_kernels import head_classes; w.wait();"
        "named = head_classes(w.scores())['head_class'][-1, 1].values.tolist()"
    )
    named = python.value("named")
    explorer.slider.fill("25")
    for head in range(8):
        cell = explorer.cell(f"L1H{head}")
        expect(cell).to_have_accessible_description(re.compile(rf"^{TITLES[named[head]]}"))
    explorer.root.get_by_label("Head classes").first.select_option("induction")
    lit = [[False] * 8, [name == "induction" for name in named]]
    canvas = explorer.root.locator(".ie-grid-canvas").first
    page.wait_until(
        lambda: [[alpha == 255 for alpha in row] for row in canvas.evaluate(_OPAQUE)] == lit,
        "heads of other classes, dimmed",
    )
    page.wait_until(lambda: python.value("w.view.get('head_classes')") == "induction", "the view")
    assert any(lit[1])


def test_letters_of_classes_touch_no_number_and_no_frame(page: LabPage, explorer: Explorer) -> None:
    expect(explorer.root.get_by_label("Head classes").first).to_be_visible()
    canvas = explorer.root.locator(".ie-grid-canvas").first
    canvas.evaluate(RECORD)
    for width in (900, 1200, 1440):
        page.page.set_viewport_size({"width": width, "height": 900})
        explorer.slider.press("Home")
        page.page.evaluate("written = []")
        explorer.slider.press("End")
        page.page.wait_for_function("written.some(([text]) => /^[A-Z]$/.test(text))")
        written = page.page.evaluate("written")
        letters = [one for one in written if re.fullmatch("[A-Z]", one[0])]
        numbers = [one for one in written if one not in letters]
        assert len(numbers) >= 16
        across, down = canvas.evaluate("c => [c.width / 8, c.height / 2]")
        for letter, left, top, right, bottom in letters:
            assert left % across > FRAME, (width, letter)
            assert top % down > FRAME, (width, letter)
            for number, *box in numbers:
                apart = right < box[0] or box[2] < left or bottom < box[1] or box[3] < top
                assert apart, (width, letter, number)
    page.page.set_viewport_size(VIEWPORT)
