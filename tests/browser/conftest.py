"""One JupyterLab, one Chromium, one notebook whose widget most tests share, and the harness."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import harness as harness_page
import kernel
import pytest
from harness import Harness
from lab import Lab, serve
from labpage import LabPage, browser, open_notebook, write_notebook
from notebooks import EXPLORER, check_traffic
from parts import Explorer
from playwright.sync_api import Browser, expect

# What a test may have changed, back to where the first one found it.
_REMEMBER = "_start = w.view"
_RESET = "w.view = _start"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


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
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """The widget over a fake model, for what needs no kernel."""
    with harness_page.serve(tmp_path_factory.mktemp("harness")) as served:
        yield served


@pytest.fixture(scope="session")
def shared_page(lab: Lab, chrome: Browser) -> Iterator[LabPage]:
    """A notebook that shows an explorer `w` on attn-only-2l."""
    notebook = write_notebook(lab, "shared.ipynb", EXPLORER, "display(w)")
    with open_notebook(chrome, lab, notebook) as page:
        page.run_all()
        yield page


@pytest.fixture(scope="session")
def shared_kernel(shared_page: LabPage) -> Iterator[kernel.Kernel]:
    with kernel.connect(shared_page.kernel_file()) as connected:
        connected.run(_REMEMBER)
        yield connected


@pytest.fixture
def python(shared_kernel: kernel.Kernel) -> kernel.Kernel:
    """The shared notebook's kernel."""
    return shared_kernel


@pytest.fixture
def page(shared_page: LabPage, python: kernel.Kernel) -> Iterator[LabPage]:
    """The shared notebook, with the widget as it was at first."""
    view = Explorer(shared_page.page)
    shared_page.page.mouse.move(0, 0)
    # The slider tells the kernel when it rests; what the last test moved must not arrive later.
    shared_page.wait_until(
        lambda: python.value("w.checkpoint") == int(view.slider.input_value()), "a slider at rest"
    )
    python.run(_RESET)
    shared_page.wait_until(lambda: python.value("w._work.pending") == 0, "an idle kernel")
    expect(view.slider).to_have_value(python.value("str(w.checkpoint)"))
    view.prompt.fill(python.value("w.prompt"))  # a text that was typed and never run
    expect(view.patterns).to_have_count(python.value("len(w.heads)"))
    yield shared_page
    mark = python.mark()
    shared_page.wait_until(
        lambda: shared_page.traffic.has_received(mark), "everything the kernel has sent"
    )
    check_traffic(shared_page)


@pytest.fixture
def explorer(page: LabPage) -> Explorer:
    return Explorer(page.page)
