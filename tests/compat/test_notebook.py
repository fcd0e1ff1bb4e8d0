"""Jupyter Notebook 7."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lab import Lab, serve
from labpage import Traffic, write_notebook
from notebook_files import CELL
from parts import Explorer
from playwright.sync_api import Page
from reader import is_quiet, reads

#: What Notebook says of itself, before any cell has run.
_OWN = ("uncaught: Cannot read properties of undefined (reading 'schema')",)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Lab]:
    with serve(tmp_path_factory.mktemp("notebook"), application="notebook") as served:
        yield served


def test_a_cell_draws_and_again_when_the_page_is_reloaded(
    server: Lab, page: Page, traffic: Traffic
) -> None:
    notebook = write_notebook(server, "explorer.ipynb", CELL)
    page.goto(f"{server.url}/notebooks/{notebook}?token={server.token}")
    page.locator(".jp-Notebook .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    reads(Explorer(page))
    with page.expect_response(lambda response: response.request.method == "PUT"):
        page.keyboard.press("Control+s")

    page.reload()
    reads(Explorer(page))
    is_quiet(traffic, *_OWN)
