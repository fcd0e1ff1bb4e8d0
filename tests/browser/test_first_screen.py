"""What a reader sees before scrolling: where in training, the heads, the tokens and a pattern."""

from __future__ import annotations

import pytest
from harness import Harness
from labpage import VIEWPORT, LabPage
from lent_windows import Windows
from parts import Explorer
from playwright.sync_api import Locator, Page, ViewportSize

SCREEN: ViewportSize = {"width": 1440, "height": 900}


def first_seen(page: Page) -> dict[str, Locator]:
    return {
        "slider": page.get_by_role("slider", name="Checkpoint"),
        "play": page.get_by_role("button", name="Play"),
        "grid": page.get_by_role("grid", name="Head scores"),
        "tokens": page.get_by_role("listbox", name="Tokens"),
        "what the held token attends to": page.get_by_role("status"),
        "pattern": page.get_by_role("img", name="Attention pattern").first,
    }


def outside(page: Page, top: float, bottom: float) -> dict[str, tuple[float, float]]:
    """What is not wholly seen between these heights, and from where to where it stands."""
    boxes = {name: part.bounding_box() for name, part in first_seen(page).items()}
    spans = {
        name: (box["y"], box["y"] + box["height"]) if box else (-1, -1)
        for name, box in boxes.items()
    }
    return {name: (a, b) for name, (a, b) in spans.items() if a < top or b > bottom}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("scale", [1, 2])
def test_it_holds_slider_grid_tokens_and_a_pattern(
    windows: Windows, harness: Harness, scale: int, theme: str
) -> None:
    page = windows.new_page(
        viewport=SCREEN,
        device_scale_factor=scale,
        color_scheme="dark" if theme == "dark" else "light",
    )
    for case in ("series", "twelve", "2l"):
        harness.open(page, case=case, theme=theme)
        first_seen(page)["pattern"].wait_for()
        assert outside(page, 0, SCREEN["height"]) == {}, case


def test_it_does_so_between_the_bars_of_jupyterlab(page: LabPage, explorer: Explorer) -> None:
    page.page.set_viewport_size(SCREEN)
    page.page.locator(".jp-FileBrowser").wait_for()
    explorer.root.evaluate("e => e.scrollIntoView()")
    page.page.wait_for_timeout(300)  # JupyterLab may scroll once more
    seen = page.page.locator(".jp-WindowedPanel-outer").bounding_box()
    assert seen is not None
    assert outside(page.page, seen["y"], seen["y"] + seen["height"]) == {}
    page.page.set_viewport_size(VIEWPORT)
