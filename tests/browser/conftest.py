"""One JupyterLab, one Chromium, a notebook for every test, and the harness."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import harness as harness_page
import pytest
from harness import Harness
from kernel import Kernel
from lab import Lab, serve
from labpage import LabPage, browser
from lent_windows import Windows
from notebooks import EXPLORER, SHOW, Desk, Head, best_head, until_drawn
from parts import Explorer
from playwright.sync_api import Browser

_FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    settings = {"@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True}}
    with serve(tmp_path_factory.mktemp("lab"), settings=settings) as lab:
        yield lab


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture(scope="session")
def shared_windows(chrome: Browser) -> Windows:
    return Windows(chrome)


@pytest.fixture
def windows(shared_windows: Windows, request: pytest.FixtureRequest) -> Iterator[Windows]:
    """For pages without a notebook."""
    yield shared_windows
    if _FAILED in request.node.stash:
        shared_windows.close()
    else:
        shared_windows.take_back()


@pytest.fixture(scope="session")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """The widget over a fake model, for what needs no kernel."""
    with harness_page.serve(tmp_path_factory.mktemp("harness")) as served:
        yield served


@pytest.fixture(scope="session")
def shared_desk(lab: Lab, chrome: Browser) -> Iterator[Desk]:
    desk = Desk(lab, chrome)
    yield desk
    desk.clear()


@pytest.fixture
def desk(shared_desk: Desk, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """For a notebook with cells of the test's own."""
    yield shared_desk
    if _FAILED in request.node.stash:
        shared_desk.clear()


@pytest.fixture
def page(desk: Desk, request: pytest.FixtureRequest) -> Iterator[LabPage]:
    """A notebook that shows an explorer `w` of the test's own on attn-only-2l, or the one that a
    cell given as the parameter makes."""
    cell = getattr(request, "param", EXPLORER)
    with desk.notebook(request.node.name, cell, SHOW, again=True) as page:
        page.run_all()
        until_drawn(page, desk.python)
        yield page


@pytest.fixture
def python(page: LabPage, desk: Desk) -> Kernel:
    """The notebook's kernel."""
    return desk.python


@pytest.fixture
def explorer(page: LabPage) -> Explorer:
    return Explorer(page.page)


@pytest.fixture
def induction(python: Kernel) -> Head:
    """The head that ends as the best induction head: which one is chance."""
    return best_head(python, "induction")


@pytest.fixture
def previous_token(python: Kernel) -> Head:
    """The head that ends as the best previous-token head."""
    return best_head(python, "previous_token")
