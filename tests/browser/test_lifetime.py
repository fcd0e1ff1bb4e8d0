"""One widget in several views, cells run again, kernels restarted, notebooks reopened."""

import re
from collections.abc import Iterator

import kernel
import pytest
from lab import Lab
from labpage import VIEWPORT, LabPage, open_notebook, write_notebook
from notebooks import EXPLORER, FEW, FEW_EXPLORER, SHOW, Desk, check_traffic, without_kernel
from parts import Explorer
from playwright.sync_api import Browser, expect

#: Two views of an explorer, both in sight.
CELLS = (EXPLORER, SHOW, SHOW)
HEIGHT = 3000


@pytest.fixture
def story(desk: Desk, request: pytest.FixtureRequest) -> Iterator[LabPage]:
    with desk.notebook(request.node.name, *CELLS) as page:
        page.page.set_viewport_size({"width": VIEWPORT["width"], "height": HEIGHT})
        page.run_all()
        yield page


def views(story: LabPage) -> tuple[Explorer, Explorer]:
    return Explorer(story.page, 0), Explorer(story.page, 1)


def updates_sent(story: LabPage, since: int) -> int:
    """How many messages told the kernel about the slider."""
    sent = [payload for way, payload in story.traffic.frames[since:] if way == "sent"]
    return sum(b'"update"' in payload and b'"checkpoint"' in payload for payload in sent)


def focus_slider(view: Explorer) -> None:
    """JupyterLab takes the focus for itself when another cell becomes the active one."""
    view.slider.focus()
    cell = view.root.locator("xpath=ancestor::div[contains(@class, 'jp-CodeCell')]")
    expect(cell).to_have_class(re.compile(r"\bjp-mod-active\b"))
    view.slider.focus()
    expect(view.slider).to_be_focused()


def press_once(story: LabPage, view: Explorer, key: str) -> int:
    """Press a key on the slider; returns how many messages it made."""
    before = len(story.traffic.frames)
    with kernel.connect(story.kernel_file()) as python:
        focus_slider(view)
        story.page.keyboard.press(key)
        shown = int(view.slider.input_value())
        story.wait_until(lambda: python.value("w.checkpoint") == shown, "the trait")
        # The record is filled while the page is waited for, and may lag behind the kernel.
        mark = python.mark()
        story.wait_until(lambda: story.traffic.has_received(mark), "what the page has sent")
    return updates_sent(story, before)


def test_two_views(story: LabPage, subtests: pytest.Subtests) -> None:
    with subtests.test("they move together"):
        move_together(story)
    with subtests.test("running the cells again leaves nothing behind"):
        running_the_cells_again_leaves_nothing_behind(story)


def move_together(story: LabPage) -> None:
    first, second = views(story)
    expect(second.slider).to_be_visible()
    assert press_once(story, first, "Home") == 1
    expect(second.slider).to_have_value("0")
    assert press_once(story, second, "ArrowRight") == 1
    expect(first.slider).to_have_value("1")
    story.wait_until(lambda: first.names() == second.names(), "the scores of one checkpoint")
    second.cell("L0H1").click()
    expect(first.cell("L0H1")).to_have_attribute("aria-selected", "true")
    expect(first.pattern("L0H1")).to_be_visible()
    first.score.select_option("first_token")
    expect(second.score).to_have_value("first_token")


def running_the_cells_again_leaves_nothing_behind(story: LabPage) -> None:
    for _ in range(2):
        story.run_all()
    expect(story.page.locator(".ie")).to_have_count(2)
    first, second = views(story)
    expect(first.slider).to_be_visible()
    assert press_once(story, first, "Home") == 1
    expect(second.slider).to_have_value("0")


def test_a_reopened_notebook_finds_its_living_widget(story: LabPage) -> None:
    assert press_once(story, Explorer(story.page), "Home") == 1
    story.command("docmanager:save")
    story.load()
    first, second = views(story)
    expect(first.slider).to_have_value("0")
    assert press_once(story, first, "End") == 1
    expect(second.slider).to_have_value(first.slider.input_value())
    expect(first.alerts).to_have_count(0)


def test_after_a_kernel_restart_it_says_so_goes_on_drawing_and_is_run_again(
    lab: Lab, chrome: Browser
) -> None:
    notebook = write_notebook(lab, "restart.ipynb", FEW, FEW_EXPLORER, SHOW, SHOW)
    with open_notebook(chrome, lab, notebook, height=HEIGHT) as page:
        page.run_all()
        first, second = views(page)
        expect(second.patterns).to_have_count(2)
        page.command("docmanager:save")
        page.page.evaluate("window.jupyterapp.commands.execute('kernelmenu:restart'); null")
        page.page.get_by_role("button", name="Confirm Kernel Restart").click()
        for view in (first, second):
            expect(view.alerts.filter(has_text="Disconnected")).to_be_visible()
        names, head = first.names(), first.patterns.first
        assert head.is_visible()
        first.slider.focus()
        page.page.keyboard.press("Home")
        expect(first.slider).to_have_value("0")
        page.wait_until(lambda: first.names() != names, "the scores of step 0")
        expect(second.slider).to_have_value("0")
        expect(first.run).to_be_disabled()

        page.traffic.take()
        page.run_all()
        expect(first.alerts).to_have_count(0)
        assert press_once(page, first, "Home") == 1
        check_traffic(page)


def test_reopened_without_its_kernel_it_draws_from_saved_state(
    story: LabPage, chrome: Browser
) -> None:
    shown = Explorer(story.page)
    shown.wait_until_computed()  # what is saved before is not the whole
    names = shown.names()
    story.command("docmanager:save")
    with without_kernel(chrome, story, height=HEIGHT) as reopened:
        view = Explorer(reopened.page)
        expect(view.alerts.filter(has_text="Disconnected")).to_be_visible()
        expect(view.figure).to_be_visible()
        reopened.wait_until(lambda: view.names() == names, "the scores that were saved")
        view.slider.focus()
        reopened.page.keyboard.press("Home")
        reopened.wait_until(lambda: view.names() != names, "the scores of the first step")
        check_traffic(reopened)
