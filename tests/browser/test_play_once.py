"""Training is played once, unasked, where the notebook wants that and the reader lets it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness import Harness
from playwright.sync_api import Browser, Locator, Page, expect

LAST = 25
#: Wherever the slider was moved to; a slow machine takes two steps in one frame.
RECORD = """
window.passed = new Set();
const value = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
Object.defineProperty(HTMLInputElement.prototype, "value", {
  ...value,
  set(to) {
    value.set.call(this, to);
    if (this.ariaLabel === "Checkpoint") window.passed.add(Number(this.value));
  },
});
// Out of sight, where the case is asked for so.
if (new URLSearchParams(location.search).has("below")) {
  addEventListener("DOMContentLoaded", () => { document.body.style.paddingTop = "3000px"; });
}
"""


def passed(page: Page) -> list[int]:
    return sorted(page.evaluate("[...window.passed]"))


@pytest.fixture(scope="module")
def recorded(chrome: Browser) -> Iterator[Page]:
    context = chrome.new_context()
    page = context.new_page()
    page.add_init_script(RECORD)
    yield page
    context.close()


@pytest.fixture
def page(request: pytest.FixtureRequest, recorded: Page) -> Page:
    recorded.goto("about:blank")
    recorded.emulate_media(reduced_motion=getattr(request, "param", "no-preference"))
    return recorded


@pytest.fixture
def slider(page: Page) -> Locator:
    return page.get_by_role("slider", name="Checkpoint")


def until_it_plays(page: Page) -> None:
    page.wait_for_function("() => window.passed.has(5)")


def stays(page: Page, slider: Locator) -> str:
    """Where the slider is, and still is after the time of several steps."""
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    value = slider.input_value()
    page.wait_for_timeout(800)  # nothing is to happen
    expect(slider).to_have_value(value)
    return value


def test_it_plays_from_the_first_checkpoint_to_the_last_and_never_again(
    page: Page, slider: Locator, harness: Harness
) -> None:
    harness.open(page, case="played")
    until_it_plays(page)
    expect(slider).to_have_value(str(LAST))
    assert passed(page) == list(range(LAST + 1))
    assert stays(page, slider) == str(LAST)


@pytest.mark.parametrize("page", ["reduce"], indirect=True)
def test_it_does_not_where_less_motion_is_preferred(
    page: Page, slider: Locator, harness: Harness
) -> None:
    harness.open(page, case="played")
    assert stays(page, slider) == str(LAST)
    assert passed(page) == [LAST]


def test_it_does_not_where_nobody_wants_it(page: Page, slider: Locator, harness: Harness) -> None:
    harness.open(page, case="2l")
    assert stays(page, slider) == str(LAST)
    assert passed(page) == [LAST]


def test_it_waits_until_it_is_on_the_screen(page: Page, slider: Locator, harness: Harness) -> None:
    harness.open(page, case="played", below=1)
    assert stays(page, slider) == str(LAST)
    assert passed(page) == [LAST]
    slider.scroll_into_view_if_needed()
    until_it_plays(page)


@pytest.mark.parametrize("touched", ["heading", "Pause", "a key"])
def test_it_stops_at_once_when_anything_is_touched(
    page: Page, slider: Locator, harness: Harness, touched: str
) -> None:
    harness.open(page, case="played")
    slider.focus()
    until_it_plays(page)
    if touched == "a key":
        page.keyboard.press("Shift")
    elif touched == "Pause":
        page.get_by_role("button", name="Pause").click()
    else:
        page.get_by_text("Attention patterns").first.click()
    assert 5 <= int(stays(page, slider)) < LAST


def test_it_does_not_begin_after_the_reader_has(
    page: Page, slider: Locator, harness: Harness
) -> None:
    harness.open(page, case="played", below=1)
    slider.focus()
    slider.press("Home")
    expect(slider).to_have_value("0")
    slider.scroll_into_view_if_needed()
    assert stays(page, slider) == "0"
