"""What the page says of a kernel that runs another cell, and of one that dies.

JupyterLab asks on a subshell, which answers while cells run; hosts without that wait for the cell.
"""

import os
import signal
from collections.abc import Iterator

import kernel
import pytest
from lab import Lab
from labpage import LabPage, open_notebook, write_notebook
from notebooks import EXPLORER, FEW, FEW_EXPLORER, SHOW, Desk
from parts import Explorer
from playwright.sync_api import Browser, expect

WITHOUT_SUBSHELLS = (
    "jupyterapp.shell.currentWidget.sessionContext.session.kernel.commsOverSubshells = 'disabled'"
)
#: Milliseconds after which a kernel that is not known to be busy is said not to answer.
SILENCE = 10_000


def run_without_subshells(page: LabPage) -> Explorer:
    page.page.evaluate(WITHOUT_SUBSHELLS)
    page.run_all()
    explorer = Explorer(page.page)
    explorer.wait_until_computed()
    return explorer


@pytest.fixture
def alone(desk: Desk, request: pytest.FixtureRequest) -> Iterator[LabPage]:
    """A page that must ask where cells run."""
    with desk.notebook(request.node.name, EXPLORER, SHOW) as page:
        run_without_subshells(page)
        yield page


STATUS = "jupyterapp.shell.currentWidget.sessionContext.session.kernel.status"


def process_of(page: LabPage) -> int:
    """Of the kernel, once the page knows that it is idle again: stopped before, it stays busy."""
    with kernel.connect(page.kernel_file()) as python:
        process = python.value("__import__('os').getpid()")
        mark = python.mark()
    page.wait_until(lambda: page.traffic.has_received(mark), "what the kernel has sent")
    page.wait_until(lambda: page.page.evaluate(STATUS) == "idle", "an idle kernel")
    return process


def ask_for(explorer: Explorer, head: str) -> None:
    """A pattern that nobody has asked for yet: the ranking shows those of all heads where the
    slider rests."""
    explorer.cell(head).click()
    explorer.slider.fill("3")


def says(explorer: Explorer, head: str, text: str) -> None:
    """In the panel of a head's pattern."""
    pattern = explorer.page.get_by_role("img", name=f"Attention pattern {head}", exact=True)
    panel = explorer.root.locator(".ie-panel").filter(has=pattern)
    expect(panel.locator(".ie-panel-state")).to_have_text(text)


def test_a_busy_kernel_is_said_to_be_busy_and_then_goes_on(alone: LabPage) -> None:
    explorer = Explorer(alone.page)
    with kernel.connect(alone.kernel_file()) as python:
        python.run("w.heads = [[1, 2]]")
        expect(explorer.patterns).to_have_count(1)
        alone.wait_until(lambda: python.value("w._work.pending") == 0, "an idle kernel")
        with python.busy():
            ask_for(explorer, "L0H0")
            says(explorer, "L0H0", "computing …")
            says(explorer, "L0H0", "waiting: the kernel is busy")
            expect(explorer.root.locator("header")).to_contain_text("waiting: the kernel is busy")
            alone.page.wait_for_timeout(SILENCE)
            says(explorer, "L0H0", "waiting: the kernel is busy")
            expect(explorer.alerts).to_have_count(0)
        expect(explorer.root.get_by_text("waiting:")).to_have_count(0)
        expect(explorer.root.locator(".ie-panel-state")).to_have_count(0)
        assert python.value("w.heads") == [[0, 0]]


def test_a_kernel_that_stands_still_does_not_answer_until_it_goes_on(alone: LabPage) -> None:
    explorer = Explorer(alone.page)
    process = process_of(alone)
    os.kill(process, signal.SIGSTOP)
    try:
        ask_for(explorer, "L0H2")
        says(explorer, "L0H2", "waiting: the kernel does not answer")
        expect(explorer.alerts).to_contain_text(["The kernel does not answer."])
    finally:
        os.kill(process, signal.SIGCONT)
    expect(explorer.root.locator(".ie-panel-state")).to_have_count(0)
    expect(explorer.alerts).to_have_count(0)


def test_nothing_computes_for_ever_once_the_kernel_has_died(lab: Lab, chrome: Browser) -> None:
    notebook = write_notebook(lab, "dying.ipynb", FEW, FEW_EXPLORER, SHOW)
    with open_notebook(chrome, lab, notebook) as page:
        explorer = run_without_subshells(page)
        process = process_of(page)
        os.kill(process, signal.SIGSTOP)
        ask_for(explorer, "L0H1")
        says(explorer, "L0H1", "computing …")
        os.kill(process, signal.SIGKILL)
        says(explorer, "L0H1", "needs the kernel")
        expect(explorer.alerts).to_contain_text(["Disconnected from the kernel"])
        for text in ("computing", "waiting"):
            expect(explorer.root.get_by_text(text)).to_have_count(0)
        expect(explorer.progress).to_have_count(0)
