"""One explorer on two pages: whatever one of them does, both show."""

from __future__ import annotations

from collections.abc import Iterator

import kernel
import pytest
from lab import Lab
from labpage import LabPage, open_notebook
from notebooks import check_traffic
from parts import Explorer
from playwright.sync_api import Browser, expect


@pytest.fixture
def first(page: LabPage) -> LabPage:
    page.command("docmanager:save")
    return page


@pytest.fixture
def second(first: LabPage, lab: Lab, chrome: Browser) -> Iterator[LabPage]:
    with open_notebook(chrome, lab, first.notebook) as page:
        expect(Explorer(page.page).slider).to_be_visible()
        yield page
        check_traffic(page)


RECONNECT = """\
jupyterapp.shell.currentWidget.sessionContext.session.kernel.reconnect().then(() => null)
"""


def sent(page: LabPage) -> list[bytes]:
    return [data for way, data in page.traffic.frames if way == "sent"]


#: Asked for again and again, so in one go.
SHOWN = """root => {
  const one = (selector) => root.querySelector(selector);
  const names = (selector) =>
    [...root.querySelectorAll(selector)].map((cell) => cell.getAttribute("aria-label"));
  const slider = one("input[aria-label=Checkpoint]");
  return {
    checkpoint: slider.value,
    label: slider.getAttribute("aria-valuetext"),
    score: one("select[aria-label=Score]").value,
    values: names("[aria-label='Head scores'] [role=gridcell]"),
    chosen: names("[aria-label='Head scores'] [role=gridcell][aria-selected=true]"),
    patterns: root.querySelectorAll("[role=img][aria-label^='Attention pattern']").length,
    tab: one("[role=tab][aria-selected=true]").innerText,
  };
}"""


def shown(page: LabPage) -> dict[str, object]:
    """What a page says that it shows."""
    found: dict[str, object] = Explorer(page.page).root.evaluate(SHOWN)
    return found


def agree(first: LabPage, second: LabPage, python: kernel.Kernel, **known: object) -> None:
    """Both pages come to show the same, which is what the kernel knows."""

    def same() -> bool:
        second.page.wait_for_timeout(10)  # its messages are read only while it is asked
        here = shown(first)
        return (
            here == shown(second)
            and {name: here[name] for name in known} == known
            and str(python.value("w.checkpoint")) == here["checkpoint"]
            and python.value("w.score") == here["score"]
        )

    first.wait_until(same, f"two pages that show {known or 'the same'}")


def until_quiet(*pages: LabPage) -> None:
    """A slider tells the kernel where it rests a while after it does, and that takes a refusal
    away."""
    before = -1
    while before != (before := sum(len(sent(page)) for page in pages)):
        for page in pages:
            page.page.wait_for_timeout(400)


def test_two_pages(first: LabPage, second: LabPage, subtests: pytest.Subtests) -> None:
    with subtests.test("they show the same"):
        they_show_the_same(first, second)
    with subtests.test("one that has found its kernel again shows all of it"):
        it_shows_all_once_it_has_found_its_kernel(second)


def they_show_the_same(first: LabPage, second: LabPage) -> None:
    here, there = Explorer(first.page), Explorer(second.page)
    with kernel.connect(first.kernel_file()) as python:
        agree(first, second, python)
        here.slider.press("Home")
        agree(first, second, python, checkpoint="0")
        there.slider.press("ArrowRight")
        agree(first, second, python, checkpoint="1")
        there.cell("L0H1").click()
        agree(first, second, python, patterns=1)
        here.score.select_option("previous_token")
        agree(first, second, python, score="previous_token")
        there.measures.nth(1).click()
        agree(first, second, python, tab=there.measures.nth(1).inner_text())
        for index in range(6):  # both at once
            (here if index % 2 else there).slider.press("ArrowRight")
            (there if index % 2 else here).slider.press("ArrowRight")
        agree(first, second, python)
        until_quiet(first, second)
        python.run("w.set_state({'checkpoint': 10_000})")
        expect(here.alerts.filter(has_text="it must be a whole number")).to_be_visible()
        expect(there.alerts.filter(has_text="it must be a whole number")).to_be_visible()
        agree(first, second, python)
        here.slider.press("End")
        agree(first, second, python, checkpoint=str(python.value("len(series) - 1")))


def it_shows_all_once_it_has_found_its_kernel(second: LabPage) -> None:
    """JupyterLab asks for the states of all widgets anew, and gets them without what is large."""
    view = Explorer(second.page)
    second.wait_until(lambda: None not in view.names(), "every head's score")
    names = view.names()
    second.traffic.take()
    second.page.evaluate(RECONNECT)
    second.wait_until(
        lambda: any(b'"state"' in data and b'"kind"' in data for data in sent(second)),
        "a question for the rest of the state",
    )
    with kernel.connect(second.kernel_file()) as python:
        mark = python.mark()
        second.wait_until(lambda: second.traffic.has_received(mark), "what the kernel has sent")
        assert view.names() == names
        python.run("w.checkpoint = 3")
        expect(view.slider).to_have_value("3")
        second.wait_until(lambda: view.names() != names, "the scores of another checkpoint")
    expect(view.alerts).to_have_count(0)


def test_a_request_that_the_kernel_cannot_take_is_said(first: LabPage) -> None:
    """It was addressed to a subshell that is gone."""
    view = Explorer(first.page)
    with kernel.connect(first.kernel_file()) as python:
        python.run("route = w.comm._reply_subshell_for")
        python.run("w.comm._reply_subshell_for = lambda data, addressed: 'gone'")
        view.prompt.fill("A B C A B")
        view.run.click()
        expect(view.alerts.filter(has_text="Unknown subshell_id 'gone'").first).to_be_visible()
        python.run("w.comm._reply_subshell_for = route")
