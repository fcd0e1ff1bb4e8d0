"""nbconvert: a notebook run without a browser, as HTML, opened where there is no network."""

from __future__ import annotations

import subprocess
import sys
from urllib.parse import urlsplit

from labpage import Traffic
from notebook_files import jupyter
from parts import Explorer
from playwright.sync_api import Page
from reader import reads


def test_html_of_a_notebook_that_was_run(tmp_path, page: Page, traffic: Traffic) -> None:
    """The widget needs scripts that nbconvert leaves to the network; a snapshot needs nothing."""
    notebook = jupyter(tmp_path, "explorer.snapshot()")
    subprocess.run(
        [sys.executable, "-m", "jupyter", "nbconvert", "--execute", "--to", "html", notebook],
        check=True,
    )
    page.goto(notebook.with_suffix(".html").as_uri())
    copy = page.frame_locator("iframe[title='Induction Explorer']")
    reads(Explorer(page, root=copy.locator(".ie")))
    assert page.locator(".ie").count() == 0
    foreign = [url for url in traffic.foreign_urls if not url.startswith(("file:", "about:"))]
    assert {urlsplit(url).hostname for url in foreign} == {"cdnjs.cloudflare.com", "unpkg.com"}
