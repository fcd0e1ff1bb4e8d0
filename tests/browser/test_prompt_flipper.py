"""Several prompts, flipped through by hand and by keys, in a wide and in a narrow cell."""

from __future__ import annotations

import re

import pytest
from harness import Harness
from lent_windows import Windows
from playwright.sync_api import expect

FLIPPER = "[role=group][aria-label='Several prompts']"
# Of the flipper: whether it lies within the widget, and all of it in one line.
PLACE = """(flipper) => {
  const [box, all] = [flipper, flipper.closest(".ie")].map((one) => one.getBoundingClientRect());
  const parts = [...flipper.children].map((one) => one.getBoundingClientRect());
  const [lowest, highest] = [parts.map((one) => one.top), parts.map((one) => one.bottom)];
  const inLine = Math.max(...lowest) < Math.min(...highest);
  return [box.left >= all.left && box.right <= all.right, inLine];
}"""


@pytest.mark.parametrize(("scale", "width", "theme"), [(1, 1440, "light"), (2, 480, "dark")])
def test_prompts_are_flipped_through_by_keys(
    windows: Windows, harness: Harness, scale: int, width: int, theme: str
) -> None:
    page = windows.new_page(device_scale_factor=scale, viewport={"width": width, "height": 900})
    harness.open(page, case="prompts", theme=theme)
    flipper = page.locator(FLIPPER)
    assert flipper.evaluate(PLACE) == [True, True]
    field = page.get_by_role("textbox", name="Prompt")
    tokens = page.get_by_role("listbox", name="Tokens")
    following = page.get_by_role("button", name="Next prompt")
    following.focus()
    place = following.bounding_box()
    for number, begins in ((2, "When Mary"), (3, "def of"), (4, "שלום")):
        page.keyboard.press("Enter")
        expect(flipper).to_contain_text(f"prompt {number} of 4")
        expect(field).to_have_value(re.compile(f"^{begins}"))
        expect(following).to_be_focused()
        assert flipper.evaluate(PLACE) == [True, True]
        # Whoever clicks on finds it where it was, however many lines the tokens take.
        assert following.bounding_box() == place
    expect(following).to_be_disabled()
    page.keyboard.press("Enter")
    page.get_by_role("combobox", name="Prompts").select_option(index=1)
    expect(flipper).to_contain_text("prompt 2 of 4")
    expect(tokens.get_by_role("option")).to_have_count(14)
    expect(page.get_by_role("textbox", name="Answer")).to_have_value(" Mary")


def test_nothing_is_there_to_flip_with_one_prompt(windows: Windows, harness: Harness) -> None:
    page = windows.new_page()
    harness.open(page, case="2l")
    expect(page.locator(FLIPPER)).to_have_count(0)
