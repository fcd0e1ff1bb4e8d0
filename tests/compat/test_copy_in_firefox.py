"""A copy of an explorer, opened from disk in Firefox."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from computed_demo import computed_demo
from firefox import PROGRAM, FirefoxPage, firefox
from induction_explorer import InductionExplorer

pytestmark = [
    pytest.mark.compat,
    pytest.mark.skipif(
        PROGRAM is None, reason="No Firefox is installed here: apt install firefox-esr."
    ),
]

SLIDER = "document.querySelector('[role=slider][aria-label=Checkpoint], input[type=range]')"


@pytest.fixture(scope="module")
def explorer() -> Iterator[InductionExplorer]:
    with computed_demo() as made:
        yield made


@pytest.fixture
def page(explorer: InductionExplorer, tmp_path: Path) -> Iterator[FirefoxPage]:
    """Whatever it says on the console is a fault."""
    file = explorer.to_html(tmp_path / "x.html")
    profile = tmp_path / "profile"
    profile.mkdir()
    with firefox(profile) as opened:
        opened.go(file.as_uri(), 1440, 900)
        opened.until("document.querySelectorAll('[role=gridcell]').length === 16")
        yield opened
        assert opened.said == []


def test_it_scrubs_by_keys_and_says_where_a_token_attends(
    page: FirefoxPage, explorer: InductionExplorer
) -> None:
    scores = explorer.scores()["induction"]
    page.value(f"{SLIDER}.focus() ?? null")
    for key, checkpoint in (("Home", 0), ("End", -1), ("ArrowLeft", -2)):
        page.press(key)
        said = f"L1H7 induction {float(scores[checkpoint, 1, 7]):.3f}"
        page.until(
            "[...document.querySelectorAll('[role=gridcell]')].some(e =>"
            f" (e.getAttribute('aria-label') ?? e.textContent).startsWith({said!r}))"
        )
    page.press("End")
    page.until("document.querySelectorAll('canvas').length > 2")
    page.hover("document.querySelectorAll('[role=listbox][aria-label=Tokens] [role=option]')[4]")
    page.until("document.body.innerText.includes(\"query 4 ' token' attends\")")
    drawn = page.value(
        "[...document.querySelectorAll('canvas')].map(e => new Set(e.getContext('2d')"
        ".getImageData(0, 0, e.width, e.height).data).size)"
    )
    # Some lie over others, and have nothing to mark.
    assert sum(colours > 4 for colours in drawn) >= len(drawn) / 2, drawn


def test_a_link_opens_where_it_was_left(page: FirefoxPage) -> None:
    page.value(f"{SLIDER}.focus() ?? null")
    page.press("Home")
    page.until("location.hash.includes('checkpoint')")
    said = page.value(f"{SLIDER}.getAttribute('aria-valuetext')")
    assert re.match("step 0", said)
    page.reload()
    page.until("document.querySelectorAll('[role=gridcell]').length === 16")
    assert page.value(f"{SLIDER}.getAttribute('aria-valuetext')") == said
