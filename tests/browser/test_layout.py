"""Nothing sticks out of its chart or of the widget, in a narrow notebook or a wide one."""

from __future__ import annotations

import re

import pytest
from harness import Harness
from labpage import LabPage
from lent_windows import Windows
from parts import Explorer
from playwright.sync_api import Page, expect

# What is seen outside of its chart or of the widget, to the left or right, and by how much.
OUTSIDE = """() => {
  const found = [];
  for (const e of document.querySelectorAll(".ie *")) {
    const own = e.getBoundingClientRect();
    // Cut off where it stands, or no mark of its own.
    if (e.closest(".ie-token-list, .ie-progress, option, defs, g > g") || !own.height) continue;
    if (!e.checkVisibility({ visibilityProperty: true })) continue;
    const holder = e.parentElement.closest(".ie-chart") ?? e.closest(".ie");
    const around = holder.getBoundingClientRect();
    const [left, right] = [around.left - own.left, own.right - around.right];
    const name = e.className.baseVal ?? e.className;
    if (left > 1 || right > 1) found.push([name, e.textContent.slice(0, 30), left, right]);
  }
  return found;
}"""


@pytest.fixture
def window(windows: Windows) -> Page:
    return windows.new_page()


@pytest.mark.parametrize("width", [480, 1440])
@pytest.mark.parametrize("case", ["series", "weird", "twelve", "compared"])
def test_nothing_sticks_out(window: Page, harness: Harness, width: int, case: str) -> None:
    window.set_viewport_size({"width": width, "height": 900})
    harness.open(window, case=case)
    window.get_by_role("listbox", name="Tokens").get_by_role("option").nth(9).click()
    for tab in window.get_by_role("tablist").get_by_role("tab").all():
        tab.click()
        expect(window.get_by_text("computing …")).to_have_count(0)
        # What moves with the slider is placed after the frame in which it appears.
        for _ in range(20):
            if (found := window.evaluate(OUTSIDE)) == []:
                break
            window.evaluate("() => new Promise(requestAnimationFrame)")
        assert found == [], tab.inner_text()


@pytest.mark.parametrize("width", [480, 1440])
@pytest.mark.parametrize(("case", "heads"), [("tiny", 1), ("broad", 80 * 128)])
def test_one_head_and_ten_thousand_are_ranked_and_fit(
    window: Page, harness: Harness, width: int, case: str, heads: int
) -> None:
    window.set_viewport_size({"width": width, "height": 900})
    harness.open(window, case=case)
    ranked = window.get_by_role("listbox", name="Heads by induction").get_by_role("option")
    expect(ranked.first).to_have_attribute("aria-setsize", str(heads))
    assert ranked.count() <= 12
    expect(window.get_by_role("gridcell")).to_have_count(heads)
    # A grid that has no room scrolls by itself.
    assert window.evaluate("document.documentElement.scrollWidth") <= width


def test_a_narrow_notebook_squeezes_no_button(window: Page, harness: Harness) -> None:
    window.set_viewport_size({"width": 380, "height": 900})
    harness.open(window, case="2l")
    size = "e => [e.offsetWidth, e.offsetHeight]"
    assert window.get_by_role("button", name="Play").evaluate(size) == [32, 32]
    assert window.get_by_text("26 of 26", exact=True).evaluate(size)[1] < 20


def test_no_rule_is_drawn_while_nothing_is_compared(window: Page, harness: Harness) -> None:
    harness.open(window, case="2l")
    shown = """count => [...document.querySelectorAll(".ie-rule-second, .ie-measure-rule-second")]
      .filter((e) => e.closest("[hidden], [display=none]") === null).length === count"""
    assert window.evaluate(shown, 0)
    window.get_by_role("button", name="Compare").click()
    window.wait_for_function(shown, arg=2)


def test_the_slider_stays_in_sight_in_one_line_while_the_notebook_scrolls(
    page: LabPage, explorer: Explorer
) -> None:
    """In real JupyterLab, whose outputs hold what sticks to them."""
    line = explorer.root.locator(".ie-slider")
    assert line.evaluate("e => e.offsetHeight") < 64
    explorer.measures.first.scroll_into_view_if_needed()
    page.page.wait_for_timeout(300)  # JupyterLab may scroll once more
    expect(explorer.measures.first).to_be_in_viewport()
    expect(explorer.slider).to_be_in_viewport(ratio=1)
    under = explorer.slider.evaluate("""slider => {
      const box = slider.getBoundingClientRect();
      const middle = [box.left + box.width / 2, box.top + box.height / 2];
      return document.elementFromPoint(...middle) === slider;
    }""")
    assert under, "something lies over the slider, or cuts it off"
    before = explorer.slider.input_value()
    explorer.slider.focus()
    page.page.keyboard.press("Home")
    assert explorer.slider.input_value() != before
    expect(explorer.measures.first).to_be_in_viewport()


# Where everything lies that moves when what is above it grows.
TOPS = """() => {
  const top = e => Math.round(e.getBoundingClientRect().top);
  const widget = document.querySelector(".ie");
  return [...widget.querySelectorAll("section, [role=tab], [role=gridcell]")]
    .map(e => top(e) - top(widget));
}"""


@pytest.mark.parametrize(("case", "width"), [("model", 1440), ("compared", 480)])
def test_pointing_at_a_head_moves_nothing(
    window: Page, harness: Harness, case: str, width: int
) -> None:
    window.set_viewport_size({"width": width, "height": 3000})
    harness.open(window, case=case)
    window.get_by_role("tab", name="Ablation").click()
    expect(window.locator(".ie-legend-readout")).to_have_count(3)
    expect(window.get_by_text(re.compile(r"computing …|\d of \d+ checkpoints"))).to_have_count(0)
    before = window.evaluate(TOPS)
    for grid in ("Head scores", "Ablation effects"):
        window.get_by_role("grid", name=grid).get_by_role("gridcell").nth(3).hover()
        expect(window.locator(".ie-legend-readout").first).to_contain_text("L0H3")
        assert window.evaluate(TOPS) == before


@pytest.mark.parametrize("case", ["2l", "compared"])
def test_what_saves_the_patterns_stays_in_its_corner(
    window: Page, harness: Harness, case: str
) -> None:
    harness.open(window, case=case)
    save = window.get_by_role("button", name="Save Attention patterns")
    for width in (400, 480, 560, 620, 1440):
        window.set_viewport_size({"width": width, "height": 900})
        away = """save => {
          const panel = save.closest("section").getBoundingClientRect();
          const own = save.getBoundingClientRect();
          return [panel.right - own.right, own.top - panel.top < 24];
        }"""
        assert save.evaluate(away) == [pytest.approx(0, abs=2), True], width
