"""By mouse and touch: one button points, and a drag that is called off never was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from kernel import Kernel
from labpage import LabPage
from parts import Explorer
from playwright.sync_api import Locator, expect

Point = tuple[float, float]


def inside(target: Locator, share: float) -> Point:
    """A point that far along an element, at half its height."""
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    assert box is not None
    return box["x"] + share * box["width"], box["y"] + box["height"] / 2


def grip(target: Locator) -> Point:
    """Where it is taken hold of: the thumb of a slider, else the middle."""
    thumb = target.locator("xpath=self::input/following-sibling::div[1]")
    return inside(thumb if thumb.count() else target, 0.5)


def chosen(python: Kernel) -> object:
    return python.value(
        "[w.checkpoint, w.compare, w.heads, w.view.get('brush'), w.view.get('window')]"
    )


@pytest.fixture
def places(page: LabPage, explorer: Explorer, python: Kernel) -> list[Locator]:
    """Everything that can be dragged, and one chart of clicks."""
    python.run("w.checkpoint = 10; w.compare = 5; w.view = w.view | {'tab': 'loss_pca'}")
    expect(explorer.slider).to_have_value("10")
    curves = explorer.figure.locator(".ie-chart")
    expect(curves).to_be_visible()
    expect(explorer.measure.locator(".ie-chart")).to_be_visible()
    return [
        explorer.slider,
        explorer.root.get_by_role("slider", name="Compare with"),
        curves,
        explorer.figure.get_by_role("slider", name="Window start"),
        explorer.measure.locator(".ie-chart"),
    ]


def at_rest(page: LabPage) -> None:
    page.page.wait_for_timeout(400)  # nothing is to happen: longer than the hand's pause


@pytest.mark.parametrize("button", ["right", "middle"])
def test_only_the_primary_button_points(
    page: LabPage, python: Kernel, places: list[Locator], button: str
) -> None:
    before, mouse = chosen(python), page.page.mouse
    for place in places:
        for share in (0.1, 0.5, 0.9):
            mouse.move(*(grip(place) if share == 0.5 else inside(place, share)))
            mouse.down(button=button)
            mouse.move(*inside(place, 1 - share), steps=4)
            mouse.up(button=button)
            page.page.keyboard.press("Escape")  # the notebook's context menu
    at_rest(page)
    assert chosen(python) == before


@contextmanager
def by_mouse(page: LabPage, start: Point, end: Point) -> Iterator[None]:
    page.page.mouse.move(*start)
    page.page.mouse.down()
    page.page.mouse.move(*end, steps=4)
    yield
    page.page.mouse.move(end[0] + 9, end[1])
    page.page.mouse.up()


@contextmanager
def by_touch(page: LabPage, start: Point, end: Point, last: str) -> Iterator[None]:
    """A finger put down and moved; then it goes up, or the browser takes the touch for its own."""
    session = page.page.context.new_cdp_session(page.page)

    def touch(kind: str, *points: Point) -> None:
        at = [{"x": x, "y": y} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    touch("touchStart", start)
    for step in (0.25, 0.5, 0.75, 1):
        touch("touchMove", (start[0] + step * (end[0] - start[0]), start[1]))
    yield
    touch(last)
    session.detach()


def press_escape(page: LabPage) -> None:
    page.page.keyboard.press("Escape")


def press_another_button(page: LabPage) -> None:
    page.page.mouse.down(button="middle")
    page.page.mouse.up(button="middle")


@pytest.mark.parametrize("call_off", [press_escape, press_another_button])
def test_a_drag_by_mouse_is_called_off(
    page: LabPage,
    python: Kernel,
    places: list[Locator],
    call_off: Callable[[LabPage], None],
) -> None:
    before = chosen(python)
    for place in places[:4]:
        value = place.get_attribute("aria-valuetext")
        start = grip(place)
        with by_mouse(page, start, (start[0] - 60, start[1])):
            if value is not None:
                expect(place).not_to_have_attribute("aria-valuetext", value)
            call_off(page)
        if value is not None:
            expect(place).to_have_attribute("aria-valuetext", value)
    at_rest(page)
    assert chosen(python) == before


def test_a_touch_that_the_browser_takes_away_leaves_all_as_it_was(
    page: LabPage, python: Kernel, places: list[Locator]
) -> None:
    before = chosen(python)
    for place in places:
        start = grip(place)
        with by_touch(page, start, (start[0] - 60, start[1]), "touchCancel"):
            pass
    at_rest(page)
    assert chosen(python) == before


def test_a_finger_drawn_along_a_chart_brushes(
    page: LabPage, python: Kernel, places: list[Locator]
) -> None:
    start = inside(places[2], 0.6)
    with by_touch(page, start, (start[0] - 90, start[1]), "touchEnd"):
        pass
    page.wait_until(lambda: python.value("w.view.get('brush')") is not None, "the trait")
    assert python.value("w.checkpoint") == 10
