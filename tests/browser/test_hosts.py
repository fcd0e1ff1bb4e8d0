"""In every host the widget is in the host's colours, and all of its text can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from harness import Harness
from hosts import Host, hosts
from lent_windows import Windows
from playwright.sync_api import Page, expect

#: WCAG 2.2 AA for text (1.4.3).
READABLE = 4.5

#: Every text that is shown: its contrast to what is behind it, itself, and its class.
CONTRASTS = (Path(__file__).parent / "contrasts.js").read_text()

HOSTS = hosts()


@pytest.fixture
def window(windows: Windows) -> Page:
    return windows.new_page(viewport={"width": 1000, "height": 900})


def assert_readable(page: Page, least: int) -> None:
    found = page.evaluate(CONTRASTS)
    assert len(found) > least
    assert [text for text in found if text[0] < READABLE] == []


@pytest.mark.parametrize("name", HOSTS)
def test_the_widget_in_a_host(
    window: Page, harness: Harness, name: str, subtests: pytest.Subtests
) -> None:
    harness.open(window, host=name, case="series")
    with subtests.test("the widget stands on the ground of its host"):
        stands_on_the_ground(HOSTS[name], window)
    with subtests.test("tables are ours"):
        tables_are_ours(window)
    with subtests.test("every text can be read"):
        every_text_can_be_read(window)


def stands_on_the_ground(host: Host, window: Page) -> None:
    root = window.locator(".ie")
    expect(root).to_have_attribute("data-theme", host.theme)
    ground = "e => getComputedStyle(e).backgroundColor"
    own = root.evaluate(ground)
    if host.css:
        assert own == window.locator("body").evaluate(ground)
    red = int(re.findall(r"\d+", own)[0])
    assert red > 200 if host.theme == "light" else red < 60
    # Nor is there a frame of another colour around it.
    assert window.locator("#output").evaluate(ground) in ("rgba(0, 0, 0, 0)", own)


def every_text_can_be_read(window: Page) -> None:
    window.get_by_role("listbox", name="Tokens").get_by_role("option").nth(14).click()
    for tab in window.get_by_role("tablist").get_by_role("tab").all():
        tab.click()
        expect(window.get_by_text("computing …")).to_have_count(0)
        assert_readable(window, least=80)
    window.get_by_role("button", name="Save Scatter").or_(
        window.get_by_role("button", name="Save Next-token predictions")
    ).first.click()
    window.get_by_role("menuitem", name="PNG").hover()
    assert_readable(window, least=80)


def test_errors_can_be_read(window: Page, harness: Harness) -> None:
    for name in HOSTS:
        harness.open(window, host=name, case="error")
        expect(window.get_by_role("alert").first).to_be_visible()
        assert_readable(window, least=20)


def test_eight_heads_can_be_told_by_names_that_can_be_read(window: Page, harness: Harness) -> None:
    for name in HOSTS:
        harness.open(window, host=name, case="2l")
        window.evaluate(
            "fake.receive({ heads: [0, 1].flatMap((l) => [0, 1, 2, 3].map((h) => [l, h])) })"
        )
        expect(window.locator(".ie-panel-title")).to_have_count(8)
        names = window.locator(".ie-panel-title").evaluate_all(
            "all => all.map(e => getComputedStyle(e).color)"
        )
        assert len(set(names)) == 8
        assert_readable(window, least=80)


def tables_are_ours(window: Page) -> None:
    """No bands, our hairlines, and numbers under the names of their columns."""
    window.get_by_role("tab", name="Ablation").click()
    expect(window.get_by_role("table", name="Ablation of the selected heads")).to_be_visible()
    expect(window.get_by_text("computing …")).to_have_count(0)
    for table in window.locator(".ie table").all():
        assert table.locator("tr").count() > 2
        parts = table.locator("thead, tbody, tr, th, td")
        grounds = parts.evaluate_all("all => all.map(e => getComputedStyle(e).backgroundColor)")
        assert set(grounds) == {"rgba(0, 0, 0, 0)"}
        lines = table.locator("tbody tr").evaluate_all(
            "all => all.map(e => getComputedStyle(e).borderBottom)"
        )
        assert all(line.startswith("1px solid") for line in lines), lines
    predictions = window.get_by_role("table", name="Next-token predictions")
    edges = predictions.locator("th:nth-child(3), td:nth-child(3)").evaluate_all(
        "all => all.map(e => { const r = document.createRange(); r.selectNodeContents(e);"
        " return Math.round(r.getBoundingClientRect().right) })"
    )
    assert len(set(edges)) == 1, edges


def test_the_slider_stays_in_sight_where_the_frame_is_what_scrolls(
    windows: Windows, harness: Harness
) -> None:
    page = windows.new_page(viewport={"width": 1300, "height": 800})
    page.goto(f"{harness.url}/cells.html")
    frame = page.frame_locator("iframe")
    slider = frame.locator(".ie-slider")
    cells = page.locator("#cells")
    cells.evaluate("cells => { cells.scrollTop = 900; }")  # out of sight, nothing of it is drawn
    slider.wait_for()

    def at(scrolled: int, top: float) -> None:
        cells.evaluate("(cells, top) => { cells.scrollTop = top; }", scrolled)
        for _ in range(100):
            box = slider.bounding_box()
            assert box is not None
            if abs(box["y"] - top) <= 2:
                return
            page.wait_for_timeout(50)
        raise AssertionError(f"at {box['y']}, not {top}, when scrolled by {scrolled}")

    height = frame.locator(".ie").evaluate("ie => ie.getBoundingClientRect().bottom")
    rest = slider.bounding_box()
    assert rest is not None
    for scrolled in (1200, 1207, 1500, 1203):
        at(scrolled, 0)  # at the top of what is seen of the cells
    at(int(900 + height - 30), 30 - rest["height"])  # and not below the widget
    at(900, rest["y"])
