"""The slider's handles stand over the axis of the curves, and go where the pointer is on it."""

from __future__ import annotations

import pytest
from harness import Harness
from lent_windows import Windows
from playwright.sync_api import Page, expect

#: In the next frame the rules are moved.
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
#: How far the middle of each thumb is from its rule in the curves.
APART = """() => ["", "-second"].map((which) => {
  const middle = (name) => {
    const {left, right} = document.querySelector(name).getBoundingClientRect();
    return (left + right) / 2;
  };
  return middle(`.ie-thumb${which}`) - middle(`.ie-curves .ie-measure-rule${which}`);
})"""
TICKS = """() => [...document.querySelectorAll(".ie-tick")]
  .map((tick) => tick.getBoundingClientRect().left)"""


@pytest.fixture(params=[(1440, 1), (1440, 2), (480, 1)], ids=str)
def window(request: pytest.FixtureRequest, windows: Windows, harness: Harness) -> Page:
    width, scale = request.param
    page = windows.new_page(viewport={"width": width, "height": 900}, device_scale_factor=scale)
    harness.open(page, case="2l")
    return page


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_a_handle_stands_over_its_place_in_the_curves(window: Page, scale: str) -> None:
    slider = window.get_by_role("slider", name="Checkpoint")
    curves = window.locator(".ie-curves")
    if scale == "linear":
        curves.get_by_role("button", name="linear").click()
    window.get_by_role("button", name="Compare").click()
    for checkpoint in (0, 1, 7, 16, 25):
        slider.fill(str(checkpoint))
        window.get_by_role("slider", name="Compare with").fill(str(25 - checkpoint))
        window.evaluate(FRAMES)
        apart = window.evaluate(APART)
        assert all(abs(each) <= 1 for each in apart), (checkpoint, apart)


def test_a_drag_goes_to_what_is_nearest_on_the_axis(window: Page) -> None:
    slider = window.get_by_role("slider", name="Checkpoint")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    ticks, y = window.evaluate(TICKS), box["y"] + box["height"] / 2
    window.mouse.move(ticks[25], y)
    window.mouse.down()
    for checkpoint in (20, 13, 3, 0, 9):
        window.mouse.move(ticks[checkpoint] + 0.5, y, steps=2)
        expect(slider).to_have_value(str(checkpoint))
    window.mouse.up()
    window.mouse.move(ticks[2], y)
    expect(slider).to_have_value("9")
    expect(slider).to_be_focused()
    window.keyboard.press("ArrowRight")
    expect(slider).to_have_value("10")


def test_the_second_handle_is_taken_where_it_stands(window: Page) -> None:
    slider = window.get_by_role("slider", name="Checkpoint")
    window.get_by_role("button", name="Compare").click()
    second = window.get_by_role("slider", name="Compare with")
    second.fill("8")
    box = second.bounding_box()
    assert box is not None
    ticks, y = window.evaluate(TICKS), box["y"] + box["height"] / 2
    window.mouse.move(ticks[8], y)
    window.mouse.down()
    window.mouse.move(ticks[16] + 0.5, y, steps=3)
    window.mouse.up()
    expect(second).to_have_value("16")
    expect(slider).to_have_value("25")
