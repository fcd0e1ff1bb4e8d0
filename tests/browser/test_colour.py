"""Red says where in training the reader is, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Harness
from lent_windows import Windows
from playwright.sync_api import Page, expect

#: The classes of whatever is painted in a saturated red.
RED = (Path(__file__).parent / "reds.js").read_text()

#: The slider, the rules and marks at the shown checkpoint, and its curve over positions.
HERE = {
    "ie-measure-now",
    "ie-measure-rule",
    "ie-measure-rule ie-measure-rule-second",
    "ie-ring",
    "ie-thumb",
    "ie-thumb ie-thumb-second",
    "ie-track ie-track-done",
    "ie-rule",
    "ie-rule ie-rule-second",
}
#: Tokens and bars of attribution are coloured like cells, by a scale.
SHADED = ("ie-token", "ie-attribution-fill")


@pytest.fixture
def window(windows: Windows) -> Page:
    return windows.new_page(viewport={"width": 1440, "height": 900})


def reds(page: Page) -> set[str]:
    return {name.strip() for name in page.evaluate(RED) if not name.startswith(SHADED)}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_red_is_where_the_reader_is(window: Page, harness: Harness, theme: str) -> None:
    harness.open(window, case="series", theme=theme)
    window.evaluate(
        "fake.receive({ heads: [0, 1].flatMap((l) => [0, 1, 2, 3].map((h) => [l, h])) })"
    )
    window.get_by_role("button", name="Compare", exact=True).click()
    for tab in window.get_by_role("tablist").get_by_role("tab").all():
        tab.click()
        expect(window.get_by_text("computing …")).to_have_count(0)
        window.keyboard.press("Tab")  # a ring is drawn where the focus is
        found = reds(window)
        assert found, "nothing says where the reader is"
        assert found <= HERE, tab.inner_text()


@pytest.mark.parametrize("case", ["error", "faults"])
def test_what_failed_is_said_in_ink(window: Page, harness: Harness, case: str) -> None:
    harness.open(window, case=case)
    expect(window.get_by_role("figure").first).to_be_visible()
    assert reds(window) <= HERE
