"""What a reader does with the widget, whichever page it is on."""

from __future__ import annotations

import re

from labpage import Traffic
from parts import Explorer
from playwright.sync_api import expect

#: attn-only-2l has two layers of eight heads.
HEADS = 16
_NAME = re.compile(r"L[01]H[0-7] induction -?\d\.\d{3}")
_ATTENDS = re.compile(r"query \d+ '.+' attends 0?[.\d]+ to key \d+ '.+'", re.DOTALL)


def reads(view: Explorer) -> None:
    """Every head has its score; the slider is moved by keys, and all follow; a token says where it
    attends."""
    expect(view.cells).to_have_count(HEADS)
    expect(view.cells.last).to_have_attribute("aria-label", _NAME)
    last = view.names()
    assert all(_NAME.fullmatch(name) for name in last), last
    scrubs(view)
    attends(view)


def scrubs(view: Explorer) -> None:
    view.slider.focus()
    view.slider.press("End")
    end, at_end = view.slider.get_attribute("aria-valuetext"), view.names()
    view.slider.press("Home")
    expect(view.slider).to_have_attribute("aria-valuetext", re.compile("step 0"))
    for cell, name in zip(view.cells.all(), at_end, strict=True):
        expect(cell).not_to_have_attribute("aria-label", name)
    view.slider.press("End")
    expect(view.slider).to_have_attribute("aria-valuetext", end or "")
    for cell, name in zip(view.cells.all(), at_end, strict=True):
        expect(cell).to_have_attribute("aria-label", name)


def attends(view: Explorer) -> None:
    view.tokens.nth(12).hover()
    expect(view.status).to_have_text(_ATTENDS)


def is_quiet(traffic: Traffic, *harmless: str) -> None:
    """No error on the page, and nothing asked of another machine.

    Args:
        harmless: how what the host itself complains of begins.
    """
    errors = [said for said in traffic.errors if not said.startswith(harmless)]
    assert errors == [], errors
    assert traffic.foreign_urls == []
