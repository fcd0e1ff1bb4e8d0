"""For readers who choose their colours, read enlarged or want no motion: nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Harness
from lent_windows import Windows
from playwright.sync_api import Locator, Page, expect

#: A style of an element, as it is painted.
STYLE = "(e, name) => getComputedStyle(e)[name]"
#: What reaches beyond the right edge, but for what is in something that scrolls by itself.
# What is drawn follows the room that it gets, in the next frame.
BEYOND = """
async () => {
  for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
  const width = document.documentElement.clientWidth;
  const scrolls = (e) => {
    for (let up = e.parentElement; up !== null; up = up.parentElement)
      if (/auto|scroll|hidden|clip/.test(getComputedStyle(up).overflowX)) return true;
    return false;
  };
  return [...document.querySelectorAll(".ie *")]
    .filter((e) => e.getBoundingClientRect().width > 0)
    .filter((e) => e.getBoundingClientRect().right > width + 1 && !scrolls(e))
    .map((e) => e.outerHTML.slice(0, 120));
}
"""


@pytest.fixture(params=["light", "dark"])
def forced(request: pytest.FixtureRequest, windows: Windows, harness: Harness) -> Page:
    """The page in a contrast theme of the system, in a notebook whose own theme is the other."""
    page = windows.new_page(
        viewport={"width": 1440, "height": 900},
        color_scheme=request.param,
        forced_colors="active",
    )
    harness.open(page, case="2l")
    page.evaluate(
        "light => { document.body.dataset.jpThemeLight = light; }", request.param == "dark"
    )
    return page


def style(of: Locator, name: str) -> str:
    painted: str = of.evaluate(STYLE, name)
    return painted


def test_marks_can_be_told_in_forced_colours(forced: Page) -> None:
    forced.get_by_role("button", name="Compare", exact=True).click()
    forced.get_by_role("gridcell", name="L1H1 ").click()
    shadow, ground = "boxShadow", "backgroundColor"
    selected, other = (forced.get_by_role("gridcell", selected=yes) for yes in (True, False))
    assert style(selected.first, shadow) != "none" == style(other.first, shadow)
    row = forced.locator(".ie-ranked-list [aria-selected=true]").first
    assert style(row, shadow) != "none"
    first, second = forced.locator(".ie-thumb").all()
    assert style(first, ground) != style(second, ground)
    track, done = forced.locator(".ie-track").first, forced.locator(".ie-track-done").first
    around = style(forced.locator(".ie"), ground)
    assert len({style(track, ground), style(done, ground), around}) == 3
    assert style(forced.locator(".ie-measure-rule").first, ground) != around
    tab, rest = (forced.get_by_role("tab", selected=yes).first for yes in (True, False))
    assert style(rest, "borderBottomColor") == around != style(tab, "borderBottomColor")
    assert "gradient" in style(forced.locator(".ie-legend-bar").first, "backgroundImage")
    forced.get_by_role("tab", name="Passage").click()
    tokens = forced.get_by_role("tabpanel").get_by_role("option")
    expect(tokens.nth(3)).to_have_css("background-color", style(tokens.nth(3), ground))
    assert style(tokens.nth(3), ground) not in ("rgba(0, 0, 0, 0)", around)


def test_curves_are_in_the_inks_of_the_systems_ground(
    forced: Page, request: pytest.FixtureRequest
) -> None:
    """Not in those for the notebook's theme, which would be dark on dark."""
    scheme = request.node.callspec.params["forced"]
    expect(forced.locator(".ie")).to_have_attribute("data-theme", scheme)


def test_a_figure_saved_in_forced_colours_is_as_any_other(
    forced: Page, windows: Windows, harness: Harness
) -> None:
    plain = windows.new_page(viewport={"width": 1440, "height": 900})
    harness.open(plain, case="2l")
    texts = []
    for page in (forced, plain):
        page.get_by_role("button", name="Save Next-token predictions").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name="SVG").click()
        texts.append(Path(download.value.path()).read_text())
    assert texts[0] == texts[1]


@pytest.mark.parametrize(("width", "height", "scale"), [(320, 256, 4), (720, 450, 2)])
def test_enlarged_it_scrolls_one_way_alone(
    windows: Windows, harness: Harness, width: int, height: int, scale: int
) -> None:
    """A window of 1280 x 1024 at 400 % (WCAG 1.4.10), and one of 1440 x 900 at 200 %."""
    page = windows.new_page(viewport={"width": width, "height": height}, device_scale_factor=scale)
    harness.open(page, case="2l")
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_role("button", name="Table of Induction of every head").click()
    for tab in page.get_by_role("tab").all():
        tab.click()
        expect(page.get_by_text("computing …")).to_have_count(0)
        assert page.evaluate(BEYOND) == [], tab.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_nothing_moves_for_who_wants_no_motion(windows: Windows, harness: Harness) -> None:
    page = windows.new_page(reduced_motion="reduce")
    harness.open(page, case="played")
    slider = page.get_by_role("slider", name="Checkpoint")
    at = slider.input_value()
    for tab in page.get_by_role("tab").all():
        tab.click()
        assert page.evaluate("document.getAnimations().length") == 0
    expect(slider).to_have_value(at)
