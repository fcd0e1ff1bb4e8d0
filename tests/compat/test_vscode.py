"""The widget in VS Code's own widget host: see vscode_host.py for what of it is real."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import Lab, serve
from labpage import Traffic
from notebook_files import CELL
from playwright.sync_api import Page, expect
from reader import is_quiet, reads
from vscode_host import VSCode, webviews

#: Of messages to widgets that were made before this webview.
_OWN = ("Comm not found for comm id",)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("vscode")
    config = folder / ".jupyter/config/jupyter_server_config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"ServerApp": {"allow_origin": "*"}}))
    with serve(folder) as served:
        yield served


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    with webviews(tmp_path_factory.mktemp("webview")) as served:
        yield served


@pytest.fixture(scope="module")
def running(server: Lab) -> str:
    """The id of a kernel."""
    return server.start_kernel("explorer.ipynb")


@pytest.fixture
def editor(page: Page, address: str, server: Lab, running: str) -> VSCode:
    return VSCode(page, address, server, running)


def test_a_cell_draws_and_again_in_a_new_webview(editor: VSCode, traffic: Traffic) -> None:
    editor.open()
    editor.run(CELL)
    reads(editor.explorer)
    outputs = editor.outputs()

    editor.open(restore=True)
    editor.show(outputs)
    reads(editor.explorer)
    assert editor.failures() == []
    is_quiet(traffic, *_OWN)


def test_a_remote_server_without_the_internet(editor: VSCode, traffic: Traffic) -> None:
    """Nobody has a script of anywidget for VS Code: neither the server nor a CDN."""
    editor.open(remote=True)
    editor.run(CELL)
    reads(editor.explorer)
    outputs = editor.outputs()
    handed_over, drawn, *_ = outputs
    assert "anywidget" in handed_over["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in drawn
    assert editor.failures() == []
    is_quiet(traffic, *_OWN)


def test_there_is_no_white_frame(editor: VSCode) -> None:
    editor.open("vscode-dark")
    editor.run(CELL)
    expect(editor.explorer.root).to_have_attribute("data-theme", "dark")
    grounds = editor.webview.locator(".cell-output-ipywidget-background").evaluate_all(
        "all => all.map(e => getComputedStyle(e).backgroundColor)"
    )
    assert grounds == ["rgba(0, 0, 0, 0)"] * 2


def test_keys_stay_with_the_focused_control(editor: VSCode) -> None:
    """What VS Code hears of a key in an output moves from cell to cell."""
    editor.open()
    editor.run(CELL)
    view = editor.explorer
    body = editor.webview.locator("body")
    body.evaluate(
        "body => { window.heard = []; body.addEventListener('keydown', e => heard.push(e.key)) }"
    )
    view.slider.focus()
    for key in ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"):
        view.slider.press(key)
    view.cells.first.focus()
    view.cells.first.press("ArrowDown")
    view.tokens.first.focus()
    view.tokens.first.press("ArrowRight")
    assert body.evaluate("() => heard") == []


def test_the_kernel_puts_a_figure_beside_the_notebook(
    editor: VSCode, server: Lab, traffic: Traffic
) -> None:
    editor.open()
    editor.run(CELL)
    view = editor.explorer
    reads(view)
    for form, begins in (("SVG", b"<svg"), ("PNG", b"\x89PNG"), ("CSV", b"#")):
        view.root.get_by_role("button", name="Save Next-token predictions").click()
        view.root.get_by_role("menuitem", name=form).click()
        said = view.root.get_by_text("saved by the kernel as").inner_text()
        path = Path(said.removeprefix("saved by the kernel as "))
        assert path.parent == server.folder
        assert path.suffix == f".{form.lower()}"
        assert path.read_bytes().startswith(begins)
    is_quiet(traffic, *_OWN)
    assert traffic.largest_frame() <= 1 << 20
