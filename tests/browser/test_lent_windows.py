"""A window that another test was done with is as a new one; one in which a test failed is gone."""

from collections.abc import Iterator

import pytest
from lent_windows import Windows
from playwright.sync_api import Browser, Page

SIZE = {"width": 700, "height": 500}
STATE = """() => [
  location.href, document.body.childElementCount, typeof globalThis.left, innerWidth, scrollY,
  devicePixelRatio, matchMedia("(prefers-color-scheme: dark)").matches,
  matchMedia("(prefers-reduced-motion: reduce)").matches, document.activeElement === document.body,
]"""


@pytest.fixture
def own(chrome: Browser) -> Iterator[Windows]:
    windows = Windows(chrome)
    yield windows
    windows.close()


def use(page: Page) -> None:
    page.set_content("<input style='margin-top: 2000px'>")
    page.set_viewport_size({"width": 400, "height": 300})
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.evaluate("globalThis.left = 1; scrollTo(0, 900)")
    page.locator("input").focus()


@pytest.mark.parametrize(
    "options", [{}, {"viewport": SIZE, "device_scale_factor": 2, "color_scheme": "dark"}]
)
def test_it_is_as_new(own: Windows, options: dict) -> None:
    page = own.new_page(**options)
    state = page.evaluate(STATE)
    use(page)
    assert page.evaluate(STATE) != state
    own.take_back()
    again = own.new_page(**options)
    assert again is page
    assert again.evaluate(STATE) == state
    assert own.new_page(**options) is not page


def test_it_is_told_of_another_size_and_other_colours(own: Windows) -> None:
    state = own.new_page(viewport=SIZE, color_scheme="dark").evaluate(STATE)
    own.close()
    page = own.new_page()
    own.take_back()
    again = own.new_page(viewport=SIZE, color_scheme="dark")
    assert again is page
    assert again.evaluate(STATE) == state


def test_another_scale_is_another_window(own: Windows) -> None:
    page = own.new_page(viewport=SIZE)
    own.take_back()
    assert own.new_page(viewport=SIZE, device_scale_factor=2) is not page
    assert own.new_page(viewport=SIZE, device_scale_factor=1) is page


def test_after_a_failure_it_is_gone(own: Windows) -> None:
    page = own.new_page()
    own.close()
    assert page.is_closed()
    assert own.new_page() is not page


def test_one_that_has_opened_another_is_not_used_again(own: Windows) -> None:
    page = own.new_page()
    page.context.new_page()
    own.take_back()
    assert page.is_closed()
    assert own.new_page() is not page
