"""What stands in a notebook for the explorer where no widget is drawn."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from labpage import LabPage, open_notebook
from nbconvert import HTMLExporter
from notebooks import Desk
from parts import Explorer
from playwright.sync_api import Browser, Locator, Page, expect

#: Bytes of a saved notebook for one explorer of the bundled series: its output, and its state,
#: which JupyterLab saves when it is told to.
OUTPUT, STATE = 20_000, 420_000

SAID = re.compile(r"attn-only-2l · Induction · step 5,000, 20.5M tokens. Strongest: L1H\d 0\.\d{3}")


@pytest.fixture
def shown(desk: Desk, request: pytest.FixtureRequest) -> Iterator[LabPage]:
    with desk.notebook(request.node.name, "w = InductionExplorer(series)\nw.wait()", "w") as page:
        page.run_all()
        Explorer(page.page).wait_until_computed()
        expect(picture(page.page)).to_have_attribute("alt", SAID)
        page.command("docmanager:save")
        file = page.lab.folder / page.notebook
        page.wait_until(lambda: "data:image/svg" in file.read_text(), "the saved notebook")
        yield page


def picture(page: Page) -> Locator:
    return page.locator("img[class^=ie-picture]")


def saved(page: LabPage) -> dict:
    return json.loads((page.lab.folder / page.notebook).read_text())


def without_state(page: LabPage) -> dict:
    return saved(page) | {"metadata": {}}


def is_hidden_where_the_explorer_is_drawn_and_renewed_beside_it(shown: LabPage, desk: Desk) -> None:
    page = shown.page
    expect(picture(page)).to_have_attribute("alt", SAID)
    expect(picture(page)).to_be_hidden()
    # But for what the kernel says of itself, as that a subshell's task was never awaited.
    kernels_own = page.locator("[data-mime-type='application/vnd.jupyter.stderr']")
    shown_outputs = page.locator(".jp-OutputArea-child:visible").filter(has_not=kernels_own)
    expect(shown_outputs).to_have_count(1)
    page.locator(".ie").evaluate("e => { e.drawnOnce = true; }")
    desk.python.run("w.checkpoint = 0; w._show_findings()")
    expect(picture(page)).to_have_attribute("alt", re.compile("step 0, 0 tokens"))
    expect(picture(page)).to_be_hidden()
    assert page.locator(".ie").evaluate("e => e.drawnOnce")


def reopened_without_state_it_is_shown(shown: LabPage, chrome: Browser) -> None:
    other = f"other-{shown.notebook}"
    (shown.lab.folder / other).write_text(json.dumps(without_state(shown)))
    with open_notebook(chrome, shown.lab, other) as reopened:
        expect(picture(reopened.page)).to_be_visible()
        expect(picture(reopened.page)).to_have_attribute("alt", SAID)
        assert picture(reopened.page).evaluate("e => e.naturalWidth") > 600
        shown.lab.api("DELETE", f"kernels/{shown.lab.kernel_of(other)}")


def test_a_saved_notebook(
    shown: LabPage, desk: Desk, chrome: Browser, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    for with_state in (True, False):
        with subtests.test("nbconvert shows it without a network", with_state=with_state):
            notebook = saved(shown) if with_state else without_state(shown)
            nbconvert_shows_it_without_a_network(notebook, chrome, tmp_path / "x.html")
    with subtests.test("it is of text that says what the explorer knows"):
        it_is_of_text_that_says_what_the_explorer_knows(shown, desk)
    with subtests.test("it is small"):
        it_is_small(saved(shown))
    with subtests.test("reopened without state, it is shown"):
        reopened_without_state_it_is_shown(shown, chrome)
    with subtests.test("it is hidden where the explorer is drawn, and renewed beside it"):
        is_hidden_where_the_explorer_is_drawn_and_renewed_beside_it(shown, desk)


def nbconvert_shows_it_without_a_network(notebook: dict, chrome: Browser, file: Path) -> None:
    """With state, the page asks a CDN for what draws widgets."""
    html, _ = HTMLExporter().from_notebook_node(nbformat.reads(json.dumps(notebook), 4))
    file.write_text(html)
    context = chrome.new_context(offline=True)
    page = context.new_page()
    page.goto(file.as_uri())
    expect(picture(page)).to_be_visible()
    context.close()


def it_is_of_text_that_says_what_the_explorer_knows(shown: LabPage, desk: Desk) -> None:
    (source,) = (
        re.findall(r"base64,([^\"]*)", "".join(output["data"]["text/html"]))[0]
        for cell in saved(shown)["cells"]
        for output in cell["outputs"]
        if "text/html" in output.get("data", {})
    )
    svg = base64.b64decode(source).decode()
    for layer, head in ((0, 3), (1, 6)):
        value = desk.python.value(f"float(w._session.grids['induction'][-1, {layer}, {head}])")
        assert f">{value:.2f}</text>" in svg
    assert ">phase change</text>" in svg


def it_is_small(notebook: dict) -> None:
    outputs = len(json.dumps([cell["outputs"] for cell in notebook["cells"]]))
    state = len(json.dumps(notebook["metadata"]["widgets"]))
    print(f"{outputs:,} bytes of output, {state:,} of state")
    assert outputs <= OUTPUT
    assert state <= STATE
