"""The page as a screen reader has it: which names and roles, in which order, and nothing else.

Kept as text in aria/, a file for the page and one for each tab. Where a change is meant, remove the
file: the test writes it anew, and fails once, so that somebody reads it.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from harness import Harness
from lent_windows import Windows
from patience import PATIENCE
from playwright.sync_api import Locator, Page, expect

KEPT = Path(__file__).parent / "aria"


@pytest.fixture
def window(windows: Windows, harness: Harness) -> Page:
    page = windows.new_page(viewport={"width": 1440, "height": 900})
    harness.open(page, case="2l")
    predictions = page.get_by_role("table", name="Next-token predictions")
    expect(predictions.get_by_role("row")).to_have_count(11)
    return page


def assert_read_as_kept(part: Locator, name: str) -> None:
    path = KEPT / f"{name}.yml"
    if not path.exists():
        path.write_text(f"{part.aria_snapshot()}\n")
        raise AssertionError(f"{path} is written anew: read it")
    kept = path.read_text().rstrip("\n")
    end = time.monotonic() + PATIENCE
    # What is being computed says so first, beside all that is kept.
    while (read := part.aria_snapshot()) != kept and time.monotonic() < end:
        part.page.wait_for_timeout(50)
    assert read == kept


def test_the_page_is_read_in_order(window: Page) -> None:
    window.get_by_role("tab", name="Scatter").click()
    assert_read_as_kept(window.locator(".ie"), "page")


def test_every_tab_is_read_in_order(window: Page) -> None:
    names = window.get_by_role("tab").all_inner_texts()
    assert len(names) > 8
    for name in names:
        window.get_by_role("tab", name=name, exact=True).click()
        assert_read_as_kept(window.get_by_role("tabpanel"), re.sub(r"\W+", "-", name.lower()))


def test_a_table_is_read_with_its_caption_and_heads(window: Page) -> None:
    window.get_by_role("button", name="Table of Induction at this checkpoint").click()
    table = window.get_by_role("group", name="Induction at this checkpoint: table")
    expect(table.get_by_role("row")).to_have_count(9)
    assert_read_as_kept(table, "table")
