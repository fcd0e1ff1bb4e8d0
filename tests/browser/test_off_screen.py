"""An explorer that is scrolled away is neither laid out nor painted, and comes back as it was."""

from __future__ import annotations

from harness import Harness
from lent_windows import Windows
from playwright.sync_api import expect

#: Whether the browser passes over what is in the explorer, as its own scrolling would tell.
SKIPPED = """\
() => !document.querySelector('.ie-header').checkVisibility({ contentVisibilityAuto: true })
"""
HEIGHT = "() => document.querySelector('.ie').offsetHeight"


def test_it_is_passed_over_while_it_is_away(windows: Windows, harness: Harness) -> None:
    page = windows.new_page()
    harness.open(page, case="2l")
    page.evaluate("document.body.style.paddingBottom = '20000px'")
    before = page.evaluate(HEIGHT)
    assert not page.evaluate(SKIPPED)

    page.evaluate("scrollTo(0, 15000)")
    page.wait_for_function(SKIPPED)
    assert page.evaluate(HEIGHT) == before
    # Found by role all the same, by a screen reader too.
    expect(page.get_by_role("slider", name="Checkpoint")).to_have_count(1)

    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function(f"() => !({SKIPPED})()")
    # Tips and menus may reach beyond it.
    expect(page.locator(".ie")).to_have_css("content-visibility", "visible")


def test_a_focused_part_of_it_brings_it_back(windows: Windows, harness: Harness) -> None:
    page = windows.new_page()
    harness.open(page, case="2l")
    page.evaluate("document.body.style.paddingBottom = '20000px'")
    page.evaluate("scrollTo(0, 15000)")
    page.wait_for_function(SKIPPED)
    slider = page.get_by_role("slider", name="Checkpoint")
    slider.focus()
    slider.press("Home")
    expect(slider).to_be_in_viewport()
    page.wait_for_function(f"() => !({SKIPPED})()")
