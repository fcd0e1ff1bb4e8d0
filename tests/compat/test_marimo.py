"""marimo: what it runs, what is edited in it, and what it exports."""

from __future__ import annotations

import subprocess
import sys

from labpage import Traffic
from notebook_files import marimo
from parts import Explorer
from playwright.sync_api import Page
from reader import is_quiet, reads
from serving import serving

#: Where an export looks for marimo's scripts.
_FRONTEND = "https://cdn.jsdelivr.net/npm/@marimo-team/frontend@"
_HEADLESS = ("--headless", "--no-token", "--port={port}")


def test_an_app_draws(tmp_path, page: Page, traffic: Traffic) -> None:
    command = ("marimo", "run", marimo(tmp_path).name, *_HEADLESS)
    with serving(tmp_path, *command) as address:
        page.goto(address)
        reads(Explorer(page, root=page.locator(".ie")))
    is_quiet(traffic)


def test_a_notebook_draws(tmp_path, page: Page, traffic: Traffic) -> None:
    command = ("marimo", "edit", marimo(tmp_path).name, *_HEADLESS)
    with serving(tmp_path, *command) as address:
        page.goto(address)
        page.locator(".cm-content").wait_for()
        page.keyboard.press("Control+Shift+R")  # run what has not run
        reads(Explorer(page, root=page.locator(".ie")))
    is_quiet(traffic)


def test_its_export_needs_a_network(tmp_path, page: Page, traffic: Traffic) -> None:
    """marimo's own scripts are not in the file; explorer.to_html() makes one that needs nothing."""
    exported = tmp_path / "explorer.html"
    subprocess.run(
        [sys.executable, "-m", "marimo", "export", "html", marimo(tmp_path), "-o", exported],
        check=True,
    )
    page.goto(exported.as_uri())
    page.wait_for_load_state("networkidle")
    assert page.locator(".ie").count() == 0
    foreign = [url for url in traffic.foreign_urls if not url.startswith("file:")]
    assert foreign
    assert all(url.startswith(_FRONTEND) for url in foreign)
