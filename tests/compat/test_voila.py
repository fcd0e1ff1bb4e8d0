"""Voilà."""

from __future__ import annotations

from urllib.parse import urlsplit

from labpage import Traffic
from notebook_files import jupyter
from parts import Explorer
from playwright.sync_api import Page
from reader import reads
from serving import serving

_OWN = ("Failed to load resource: net::ERR_NAME_NOT_RESOLVED", "Error: The getter for the shared")


def test_it_draws(tmp_path, page: Page, traffic: Traffic) -> None:
    command = ("voila", jupyter(tmp_path).name, "--no-browser", "--port={port}")
    with serving(tmp_path, *command) as address:
        page.goto(address)
        reads(Explorer(page, root=page.locator(".ie")))
    # Its template asks a CDN for icons, and does without; and it loads the extensions of Notebook,
    # which is installed beside it.
    assert {urlsplit(url).hostname for url in traffic.foreign_urls} == {"cdn.jsdelivr.net"}
    errors = [said for said in traffic.errors if not said.startswith(_OWN)]
    assert errors == []
