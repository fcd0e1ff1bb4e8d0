"""A pattern over the whole page: magnified, moved and read, by pointer and by keys."""

from __future__ import annotations

import re

import pytest
from harness import Harness
from lent_windows import Windows
from playwright.sync_api import Locator, Page, expect

# A number for all of its pixels; 0 where nothing is painted.
PIXELS = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const pixels = new Uint32Array(data.buffer);
  let sum = 0;
  for (let i = 0; i < pixels.length; i++) sum = Math.imul(sum ^ pixels[i], 16777619);
  return sum;
}"""

# Once what was asked for is drawn: in the next frame, and seen in the one after that.
DRAWN = f"""async canvas => {{
  for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
  return ({PIXELS})(canvas);
}}"""

# What each canvas says since it was cleared: names are drawn.
RECORD = """() => {
  window.written = new WeakMap();
  const { prototype } = CanvasRenderingContext2D;
  const { clearRect, fillText } = prototype;
  prototype.clearRect = function (...box) {
    written.set(this.canvas, []);
    clearRect.apply(this, box);
  };
  prototype.fillText = function (text, ...at) {
    written.get(this.canvas)?.push(text);
    fillText.call(this, text, ...at);
  };
}"""


@pytest.fixture(params=[(1440, 900, 1), (480, 800, 2)], ids=["wide", "narrow, scale 2"])
def page(request: pytest.FixtureRequest, windows: Windows) -> Page:
    width, height, ratio = request.param
    size = {"width": width, "height": height}
    return windows.new_page(viewport=size, device_scale_factor=ratio)


def small(page: Page) -> Locator:
    return page.get_by_role("img", name="Attention pattern L1H1", exact=True)


def enlarged(page: Page, harness: Harness, theme: str = "light") -> Locator:
    harness.open(page, case="2l", theme=theme)
    page.evaluate(RECORD)
    return enlarge(page)


def enlarge(page: Page) -> Locator:
    expect(page.get_by_text("computing …")).to_have_count(0)
    small(page).click()
    dialog = page.get_by_role("dialog", name="Attention pattern L1H1")
    expect(dialog).to_be_visible()
    changed(page, picture(dialog), 0)
    return dialog


def picture(dialog: Locator) -> Locator:
    return dialog.get_by_role("application").locator("canvas")


def changed(page: Page, canvas: Locator, before: int) -> None:
    """Waits until the picture is another, and not empty."""
    page.wait_for_function(
        f"""([canvas, before]) => {{
          const now = canvas.width > 0 && ({PIXELS})(canvas);
          return now && now !== before;
        }}""",
        arg=[canvas.element_handle(), before],
    )


def names(dialog: Locator, axis: str) -> list[str]:
    return dialog.locator(f".ie-enlarged-names-{axis}").evaluate("canvas => written.get(canvas)")


def test_it_opens_by_click_and_key_and_gives_the_focus_back(page: Page, harness: Harness) -> None:
    dialog = enlarged(page, harness)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    button = page.get_by_role("button", name="Enlarge L1H1")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_the_page_and_names_every_token(page: Page, harness: Harness, theme: str) -> None:
    dialog = enlarged(page, harness, theme=theme)
    canvas = picture(dialog)
    box, size = canvas.bounding_box(), page.viewport_size
    assert box is not None
    assert size is not None
    assert box["x"] > 0
    assert box["x"] + box["width"] <= size["width"]
    assert box["y"] + box["height"] < size["height"]
    every = int(dialog.locator(".ie-enlarged-names-query").get_attribute("data-every") or 0)
    assert len(names(dialog, "query")) == len(names(dialog, "key")) == -(-64 // every)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_of_a_long_prompt(page: Page, harness: Harness, subtests: pytest.Subtests) -> None:
    """Opened once: 1,933 tokens take a second."""
    harness.open(page, case="long")
    page.evaluate(RECORD)
    with subtests.test("no token is clipped by itself"):
        no_token_is_clipped_by_itself(page)
    for said, holds in (
        ("it is magnified and moved by keys, wheel and drag", is_magnified_and_moved),
        ("names move with the cells they name", names_move_with_their_cells),
        ("a frame in which it moves adds and changes no element", moving_changes_no_element),
    ):
        with subtests.test(said):
            dialog = enlarge(page)
            holds(page, dialog)
            dialog.get_by_role("button", name="Close").click()
            expect(dialog).to_have_count(0)


def is_magnified_and_moved(page: Page, dialog: Locator) -> None:
    canvas = picture(dialog)
    whole = canvas.evaluate(DRAWN)
    page.keyboard.press("+")
    expect(dialog.locator(".ie-enlarged-names-query")).to_have_attribute(
        "data-every", re.compile(r"\d+")
    )
    box = canvas.bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    for _ in range(3):
        page.mouse.wheel(0, -300)
    before = canvas.evaluate(DRAWN)
    assert before != whole
    page.mouse.down()
    page.mouse.move(middle[0] - 37, middle[1] - 61, steps=5)
    page.mouse.move(middle[0] + 20, middle[1] - 13, steps=5)
    page.mouse.up()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    moved = canvas.evaluate(DRAWN)
    assert moved != before
    # Strips that were moved and strips that were added make the picture that is drawn at once.
    colours = dialog.get_by_role("combobox", name="Attention colours")
    colours.select_option("log")
    colours.select_option("linear")
    assert canvas.evaluate(DRAWN) == moved
    dialog.get_by_role("button", name="Show all").click()
    assert canvas.evaluate(DRAWN) == whole


def names_move_with_their_cells(page: Page, dialog: Locator) -> None:
    for _ in range(12):
        page.keyboard.press("+")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    tokens = page.evaluate("fake.get('_prompts')[0].tokens")
    box = picture(dialog).bounding_box()
    assert box is not None
    for axis, x, y in (("query", 0.02, 0.5), ("key", 0.5, 0.98)):
        every = int(dialog.locator(f".ie-enlarged-names-{axis}").get_attribute("data-every") or 0)
        assert every == 1
        said = [re.sub(r"^·", " ", name) for name in names(dialog, axis)]
        seen = []
        for end in (0.02, 0.98):
            at = (x, end) if axis == "query" else (end, y)
            page.mouse.move(box["x"] + at[0] * box["width"], box["y"] + at[1] * box["height"])
            status = dialog.get_by_role("status").inner_text()
            found = re.search(rf"{axis} (\d+)", status)
            assert found is not None, status
            seen.append(int(found[1]))
        first, end = seen[0], seen[1] + 1
        # Of a cell that the window cuts, its middle may lie outside.
        assert said in [tokens[first + cut : end - off] for cut in (0, 1) for off in (0, 1)]


def moving_changes_no_element(page: Page, dialog: Locator) -> None:
    page.mouse.move(0, 0)
    page.keyboard.press("+")
    page.keyboard.press("+")
    picture(dialog).evaluate(DRAWN)
    # What was pointed at has been said to the end, which is an element too.
    expect(dialog.get_by_role("status")).to_have_attribute("aria-live", "polite")
    dialog.evaluate("""dialog => {
      window.changes = 0;
      const observer = new MutationObserver((records) => (window.changes += records.length));
      observer.observe(dialog, { childList: true, subtree: true, characterData: true });
    }""")
    before = names(dialog, "query"), names(dialog, "key")
    for key in ("ArrowRight", "ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown"):
        page.keyboard.press(key)
    assert (names(dialog, "query"), names(dialog, "key")) != before
    assert page.evaluate("changes") == 0


def no_token_is_clipped_by_itself(page: Page) -> None:
    """Each clip is composed by itself: thousands took 50 ms of every frame."""
    texts = page.get_by_role("listbox", name="Tokens").locator(".ie-token-text")
    expect(texts).to_have_count(1933)
    clipped = "all => all.filter(one => getComputedStyle(one).overflowX !== 'visible').length"
    assert texts.evaluate_all(clipped) == 0


def test_a_cell_says_its_number_and_both_tokens(page: Page, harness: Harness) -> None:
    dialog = enlarged(page, harness)
    canvas = picture(dialog)
    box = canvas.bounding_box()
    assert box is not None
    cell = box["width"] / 64
    page.mouse.move(box["x"] + 25.5 * cell, box["y"] + 40.5 * cell)
    status = dialog.get_by_role("status")
    expect(status).to_have_text(re.compile(r"^query 40 '.+' attends 0\.\d\d to key 25 '.+'$"))
    tip = dialog.locator(".ie-tip")
    said = status.inner_text()
    value = re.search(r"attends ([\d.]+)", said)
    assert value is not None
    assert abs(float(tip.locator("strong").inner_text()) - float(value[1])) <= 0.005
    expect(tip).to_contain_text(re.compile(r"40 '.+' → 25 '.+'"))
    expect(tip).not_to_contain_text("±")  # as soon as the kernel has said what it computed
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowLeft")
    expect(status).to_have_text(re.compile(r"^query 41 .* key 24 "))


def test_it_is_saved_as_a_figure_of_this_head_alone_and_as_a_table(
    page: Page, harness: Harness
) -> None:
    dialog = enlarged(page, harness)
    button = dialog.get_by_role("button", name="Save Pattern of L1H1")
    button.click()
    page.keyboard.press("Escape")  # of the menu
    expect(dialog).to_be_visible()
    expect(button).to_be_focused()
    texts = {}
    for kind in ("SVG", "CSV"):
        button.click()
        with page.expect_download() as download:
            dialog.get_by_role("menuitem", name=kind, exact=True).click()
        texts[kind] = download.value.path().read_text()
    assert "Pattern of L1H1" in texts["SVG"]
    assert "L0H1" not in texts["SVG"]
    assert texts["SVG"].count("<path") > 20  # a colour each
    rows = [line for line in texts["CSV"].splitlines() if line.startswith("L")]
    assert len(rows) == 64 * 65 // 2
    assert all(row.startswith("L1H1,") for row in rows)
    assert "as it was computed" in texts["CSV"]


def test_it_follows_the_slider_and_the_prompt_of_another_length(
    page: Page, harness: Harness
) -> None:
    dialog = enlarged(page, harness)
    canvas = picture(dialog)
    page.keyboard.press("+")
    before = canvas.evaluate(PIXELS)
    page.evaluate("fake.receive({ checkpoint: 3 })")
    expect(dialog).to_contain_text("step 30 ")
    changed(page, canvas, before)
    page.evaluate("""() => {
      const [prompt] = fake.get("_prompts");
      const shorter = { ...prompt, tokens: prompt.tokens.slice(0, 20), generation: 2 };
      fake.receive({ _prompts: [shorter] });
    }""")
    page.wait_for_function(
        "canvas => written.get(canvas).length === 20",
        arg=dialog.locator(".ie-enlarged-names-query").element_handle(),
    )
