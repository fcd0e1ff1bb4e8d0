"""A page full of explorers, loaded again: every message fits, and every explorer is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from labpage import LabPage
from notebooks import MAX_MESSAGE, Desk, check_traffic, without_kernel
from parts import Explorer
from playwright.sync_api import Browser, expect

COUNT = 20
#: The packed module, wherever it is in a message.
CODE = re.compile(rb'"code": ?"H4sI')


@pytest.fixture(params=[COUNT])
def crowd(desk: Desk, request: pytest.FixtureRequest) -> Iterator[LabPage]:
    """A saved notebook with that many explorers."""
    cell = f"shown = [InductionExplorer(series) for _ in range({request.param})]\n"
    cell += "for each in shown: each.wait(); display(each)"
    with desk.notebook(request.node.name, cell) as page:
        page.run_all()
        expect(page.page.locator(".ie")).to_have_count(request.param)
        page.command("docmanager:save")
        yield page


def sizes(page: LabPage) -> list[int]:
    """Of everything the page received, the largest first."""
    received = (len(data) for way, data in page.traffic.frames if way == "received")
    return sorted(received, reverse=True)


def test_the_module_travels_once_and_no_message_is_too_large(crowd: LabPage) -> None:
    names = Explorer(crowd.page).names()
    check_traffic(crowd)
    crowd.load()
    expect(crowd.page.locator(".ie")).to_have_count(COUNT)
    last = Explorer(crowd.page, COUNT - 1)
    last.slider.scroll_into_view_if_needed()
    crowd.wait_until(lambda: last.names() == names, "the scores of the last explorer")
    frames = crowd.traffic.frames
    found = sizes(crowd)
    print("\nlargest messages:", *(f"{size:,}" for size in found[:8]), f"all: {sum(found):,}")
    assert found[0] <= MAX_MESSAGE
    assert sum(bool(CODE.search(data)) for _, data in frames) == 1
    last.slider.press("Home")
    expect(last.slider).to_have_value("0")


@pytest.mark.parametrize("crowd", [3], indirect=True)
def test_it_is_saved_once_and_needs_no_kernel(crowd: LabPage, chrome: Browser) -> None:
    names = Explorer(crowd.page).names()
    assert (crowd.lab.folder / crowd.notebook).read_text().count('"code": "H4sI') == 1
    with without_kernel(chrome, crowd) as reopened:
        expect(reopened.page.locator(".ie")).to_have_count(3)
        view = Explorer(reopened.page)
        reopened.wait_until(lambda: view.names() == names, "the scores that were saved")
        expect(view.alerts.first).to_be_visible()
