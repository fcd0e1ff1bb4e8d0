"""A page full of explorers, loaded again: every message fits, and every explorer is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from lab import Lab
from labpage import LOADING, LabPage, open_notebook, write_notebook
from notebooks import MAX_MESSAGE, check_traffic
from parts import COMPUTING, Explorer
from playwright.sync_api import Browser, expect

COUNT = 20
#: The packed module, wherever it is in a message.
CODE = re.compile(rb'"code": ?"H4sI')
SERIES = """\
from induction_explorer import InductionExplorer, load_demo
series = load_demo("attn-only-2l")
"""
SHOW = f"""\
shown = [InductionExplorer(series) for _ in range({COUNT})]
shown[0].wait()
for each in shown: each.wait(); display(each)
"""


@pytest.fixture(scope="module")
def crowd(lab: Lab, chrome: Browser) -> Iterator[LabPage]:
    notebook = write_notebook(lab, "crowd.ipynb", SERIES, SHOW)
    with open_notebook(chrome, lab, notebook) as page:
        page.run_all()
        expect(page.page.locator(".ie")).to_have_count(COUNT, timeout=COMPUTING)
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
    expect(crowd.page.locator(".ie")).to_have_count(COUNT, timeout=LOADING)
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
    check_traffic(crowd)


def test_it_is_saved_once_and_needs_no_kernel(crowd: LabPage, lab: Lab, chrome: Browser) -> None:
    names = Explorer(crowd.page).names()
    crowd.command("docmanager:save")
    saved = (lab.folder / crowd.notebook).read_text()
    assert saved.count('"code": "H4sI') == 1
    session = next(s for s in lab.api("GET", "sessions") if s["path"] == crowd.notebook)
    crowd.page.goto("about:blank")
    lab.api("DELETE", f"sessions/{session['id']}")
    with open_notebook(chrome, lab, crowd.notebook) as reopened:
        expect(reopened.page.locator(".ie")).to_have_count(COUNT, timeout=LOADING)
        view = Explorer(reopened.page)
        reopened.wait_until(lambda: len(view.names()) == len(names), "the scores that were saved")
        expect(view.alerts.first).to_be_visible()
