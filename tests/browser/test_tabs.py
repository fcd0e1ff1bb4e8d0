"""The measures of the whole model: tabs, and a chart that follows the slider."""

from __future__ import annotations

from kernel import Kernel
from labpage import LabPage
from parts import COMPUTING, Explorer
from playwright.sync_api import expect

TITLES = ["Loss", "In-context learning", "Loss by position", "Induction loss"]


def test_tabs_by_mouse_and_keyboard(page: LabPage, explorer: Explorer) -> None:
    expect(explorer.measures).to_have_text(TITLES)
    expect(explorer.measure.get_by_role("figure")).to_be_visible(timeout=COMPUTING)
    active = page.page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
    explorer.measures.nth(1).click()
    expect(explorer.measures.nth(1)).to_have_attribute("aria-selected", "true")
    expect(explorer.measure).to_have_accessible_name("In-context learning")
    page.page.keyboard.press("ArrowRight")
    expect(explorer.measures.nth(2)).to_be_focused()
    expect(explorer.measure).to_have_accessible_name("Loss by position")
    expect(active).to_contain_text("display(w)")
    for _ in range(2):
        page.page.keyboard.press("ArrowRight")
    expect(explorer.measure).to_have_accessible_name("Loss")


def test_the_value_follows_the_slider(page: LabPage, explorer: Explorer, python: Kernel) -> None:
    explorer.measures.first.click()
    python.run("w.wait()")
    python.run(
        "import numpy as np; sent = w._measures['0/loss'];"
        "losses = [float(x) for x in np.frombuffer(sent['data'], np.float32)]"
    )
    losses = python.value("losses")
    last = len(losses) - 1
    value = explorer.measure.locator(".ie-measure-value")
    for stop in (last, 0, 12):
        explorer.slider.fill(str(stop))
        expect(value).to_have_text(f"{losses[stop]:.3f}")


def test_clicking_the_chart_jumps_to_a_checkpoint(page: LabPage, explorer: Explorer) -> None:
    explorer.measures.first.click()
    chart = explorer.measure.locator(".ie-chart")
    expect(chart).to_be_visible(timeout=COMPUTING)
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    page.page.mouse.click(box["x"] + 48, box["y"] + box["height"] / 2)
    expect(explorer.slider).to_have_value("0")
