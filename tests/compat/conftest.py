"""The wheel and the sdist of this clone, built once; and a page of Chromium."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from environments import KEPT, ROOT
from labpage import VIEWPORT, Traffic, browser
from patience import PATIENCE
from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def distributions() -> Path:
    """In one place, by which environments know whether they were made with it."""
    folder = KEPT / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    # The wheel is made from the sdist.
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, ROOT], check=True)
    return folder


@pytest.fixture(scope="session")
def wheel(distributions) -> Path:
    (found,) = distributions.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def sdist(distributions) -> Path:
    (found,) = distributions.glob("*.tar.gz")
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.compat)


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def page(chrome: Browser) -> Iterator[Page]:
    context = chrome.new_context(viewport=VIEWPORT)
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    yield page
    context.close()


@pytest.fixture
def traffic(page: Page) -> Traffic:
    """Of that page."""
    recorded = Traffic()
    recorded.record(page)
    return recorded
