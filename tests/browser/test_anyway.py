"""What is drawn over training of a series too large to be asked at every checkpoint unasked."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from kernel import Kernel
from labpage import LabPage
from notebooks import SHOW, Desk, until_drawn
from parts import Explorer
from playwright.sync_api import Locator, expect

#: Far from the slider, a pass begins only once `gate` is open.
LARGE = """\
import threading
from induction_explorer.analyses.predictions import Predictions
from induction_explorer.series.session import session_of
session = session_of(series)
session.light = False
steps, gate = Predictions.steps, threading.Event()
def gated(self, at):
    if at.checkpoint < 6:
        gate.wait()
    yield from steps(self, at)
Predictions.steps = gated
w = InductionExplorer(series, checkpoint=11, prompt="one two three one two", answer=" three")
w.wait()"""
SMALL_AGAIN = "gate.set(); Predictions.steps = steps; session.light = True"


@pytest.fixture
def page(desk: Desk, request: pytest.FixtureRequest) -> Iterator[LabPage]:
    with desk.notebook(request.node.name, LARGE, SHOW) as page:
        page.run_all()
        until_drawn(page, desk.python)
        yield page
        desk.python.run(SMALL_AGAIN)


def tab(explorer: Explorer, title: str) -> Locator:
    explorer.root.get_by_role("tab", name=title, exact=True).click()
    expect(explorer.measure).to_have_accessible_name(title)
    return explorer.measure


def test_losses_of_tokens_come_at_every_checkpoint_after_a_click(
    explorer: Explorer, python: Kernel
) -> None:
    """Those nearest to the slider at once; stopped, gone on with, and a click cuts in."""
    panel = tab(explorer, "Passage")
    expect(panel.get_by_role("alert")).to_contain_text(re.compile(r"for 1[12] checkpoints"))
    expect(panel.locator(".ie-chart")).to_contain_text("mean")
    panel.get_by_role("button", name="Compute it all the same").click()
    expect(panel).to_contain_text("6 of 12 checkpoints")
    expect(panel.get_by_role("alert")).to_have_count(0)
    panel.get_by_role("button", name="Stop").click()
    expect(panel.get_by_role("alert")).to_contain_text("for 6 checkpoints")
    expect(panel).to_contain_text("6 of 12 checkpoints")
    panel.get_by_role("button", name="Compute it all the same").click()
    expect(panel.get_by_role("button", name="Stop")).to_be_visible()
    python.run("gate.set()")
    expect(panel).not_to_contain_text("of 12 checkpoints")
    expect(panel.get_by_role("button", name="Stop")).to_have_count(0)
    explorer.slider.fill("3")
    expect(panel.get_by_role("listbox", name="Loss").locator("xpath=..")).to_contain_text("mean")


def test_a_rank_and_an_ablation_do_as_well(explorer: Explorer, python: Kernel) -> None:
    """Of a prompt that nobody has run."""
    python.run(
        "gate.set(); w.heads = [[1, 0]]; w.prompt = 'four five six four'; w.answer = ' five'"
    )
    for title in ("Answer", "Ablation"):
        panel = tab(explorer, title)
        expect(panel.get_by_role("alert")).to_contain_text(re.compile(r"for 1[12] checkpoints"))
        panel.get_by_role("button", name="Compute it all the same").click()
        expect(panel.get_by_role("alert")).to_have_count(0)
        expect(panel).not_to_contain_text("of 12 checkpoints")
        expect(panel.get_by_role("button", name="Stop")).to_have_count(0)
        expect(panel.locator(".ie-chart").first).to_be_visible()
