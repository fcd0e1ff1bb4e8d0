"""`make explore`: JupyterLab opens on a notebook that begins with the explorer, and runs that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import explore
import pytest
from labpage import LabPage
from parts import Explorer
from playwright.sync_api import Browser, ViewportSize, expect

SCREEN: ViewportSize = {"width": 1440, "height": 900}
#: The code cells that have run, by their place among all cells.
RAN = """() => jupyterapp.shell.currentWidget.content.widgets
  .flatMap(({model}, i) => model.type === "code" && model.executionCount ? [i] : [])"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, chrome: Browser) -> Iterator[LabPage]:
    folder = tmp_path_factory.mktemp("explore")
    notebook = explore.working_copy(explore.NOTEBOOK, folder)
    with explore.serving(folder) as lab:
        lab.start_kernel(notebook.name)
        context = chrome.new_context(viewport=SCREEN, device_scale_factor=1)
        page = LabPage(context.new_page(), lab, notebook.name)
        page.page.goto(lab.link(notebook.name))
        yield page
        context.close()


def test_the_explorer_is_drawn_without_a_hand(opened: LabPage) -> None:
    view = Explorer(opened.page)
    expect(view.grid).to_be_visible()
    expect(view.patterns.first).to_be_visible()
    expect(opened.page.get_by_text("Python starts and loads")).to_have_count(0)
    assert opened.page.evaluate(RAN) == [0]


def test_the_page_begins_with_it_and_every_cell_is_folded(opened: LabPage) -> None:
    top = "e => e.getBoundingClientRect().top"
    notebook = opened.page.locator(".jp-Notebook").evaluate(top)
    assert Explorer(opened.page).root.evaluate(top) - notebook < 60
    expect(opened.page.locator(".jp-CodeCell .jp-Cell-inputArea .cm-editor:visible")).to_have_count(
        0
    )


def test_a_page_that_is_loaded_again_runs_nothing_again(opened: LabPage) -> None:
    saved = opened.lab.folder / opened.notebook
    opened.wait_until(lambda: '"execution_count": 1' in saved.read_text(), "the saved notebook")
    opened.page.reload()
    expect(Explorer(opened.page).grid).to_be_visible()
    counted = "jupyterapp.shell.currentWidget.content.widgets[0].model.executionCount"
    assert opened.page.evaluate(counted) == 1


def test_what_a_reader_edited_is_kept(tmp_path: Path) -> None:
    copy = explore.working_copy(explore.NOTEBOOK, tmp_path)
    copy.write_text(copy.read_text().replace("series = three[1]", "series = three[2]"))
    again = explore.working_copy(explore.NOTEBOOK, tmp_path)
    assert "three[2]" in (tmp_path / f"{copy.stem}-2.ipynb").read_text()
    assert "three[2]" not in again.read_text()
