"""A notebook for every test, and what no page of these tests may do."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import kernel
from lab import Lab
from labpage import LabPage, open_notebook, write_notebook
from parts import Explorer
from playwright.sync_api import Browser, expect

#: How often a notebook is loaded until JupyterLab draws all it holds.
TRIES = 3
#: VS Code's kernel channel dies on larger ones (design.md, What crosses the wire).
MAX_MESSAGE = 1 << 20

#: Of the bundled series: each takes half a second to compute, in every kernel. Most are close to
#: each other where the heads form, so that a phase change is found and the axis is linear.
CHECKPOINTS = [0, 3, 8, 12, 14, 16, 18, 20, 22, 23, 24, 25]
LAST = len(CHECKPOINTS) - 1
SERIES = f"""\
from induction_explorer import InductionExplorer, load_demo
series = load_demo("attn-only-2l").select({CHECKPOINTS})
"""
EXPLORER = "w = InductionExplorer(series)\nw.wait()"
#: Losses of eight rows of text are as many numbers, and take a tenth of the time. A model that only
#: we know reads them: that of the caller imports TransformerLens first.
LITTLE_TEXT = """\
from induction_kernels.inputs.texts import TextProbe
texts = TextProbe.default(series.replica(private=True).model(-1), rows=8)
"""
#: In a kernel of a test's own, where all is computed anew.
FEW = SERIES + "series = series.select([0, 5, -1])\n" + LITTLE_TEXT
FEW_EXPLORER = "w = InductionExplorer(series, texts=texts)\nw.wait()"
SHOW = "display(w)"

# So that every notebook's explorer finds the scores: they are the series', take the longest, and
# are kept while an explorer knows them, whatever a notebook calls `w`. The default text is little.
_PREPARE = f"""\
from induction_kernels.inputs import text_size
text_size.ROWS = text_size.ABLATED_ROWS = 8
{SERIES}\
prepared = InductionExplorer(series)
prepared.wait()
prepared.close()"""
_CLOSE = "from ipywidgets import Widget; Widget.close_all()"


class Desk:
    """One kernel that knows `series`, and one JupyterLab, which shows one notebook at a time.

    What a test leaves behind is in its own notebook and explorer; after one that failed, kernel and
    page are new as well.
    """

    def __init__(self, lab: Lab, chrome: Browser) -> None:
        self._lab = lab
        self._chrome = chrome
        self._open = ExitStack()
        self._kernel = ""
        self._page: LabPage | None = None
        self._python: kernel.Kernel | None = None

    @property
    def python(self) -> kernel.Kernel:
        """The kernel, spoken to beside the page."""
        assert self._python is not None, "no notebook is open"
        return self._python

    @contextmanager
    def notebook(self, name: str, *cells: str, again: bool = False) -> Iterator[LabPage]:
        """A notebook of its own with these cells, to be run.

        Args:
            again: or the one that is open, if it has these cells: opening another takes a third of
                what most tests do.

        Raises:
            AssertionError: what `check_traffic` says of the page.
        """
        try:
            if again and self._page is not None and self._page.cells() == [*cells]:
                page = self._begin_again(self._page)
            else:
                file = re.sub(r"\W+", "-", name) + ".ipynb"
                page = self._turn_to(write_notebook(self._lab, file, *cells))
            yield page
            self._leave(page)
        except BaseException:
            self.clear()
            raise

    def clear(self) -> None:
        """Begin anew with the next notebook."""
        self._open.close()
        if self._kernel:
            self._lab.api("DELETE", f"kernels/{self._kernel}")
        self._kernel, self._page, self._python = "", None, None

    def _turn_to(self, notebook: str) -> LabPage:
        if self._page is not None:
            self._lab.start_kernel(notebook, self._kernel)
            self.python.run(SERIES)  # whatever the last one called so
            self._page.turn_to(notebook)
            return self._page
        self._kernel = self._lab.start_kernel(notebook)
        file = self._lab.connection_file(self._kernel)
        self._python = self._open.enter_context(kernel.connect(file))
        self._python.run(_PREPARE)
        self._page = self._open.enter_context(open_notebook(self._chrome, self._lab, notebook))
        return self._page

    def _begin_again(self, page: LabPage) -> LabPage:
        self.python.run(SERIES)
        page.clear()
        return page

    def _leave(self, page: LabPage) -> None:
        mark = self.python.mark()
        page.wait_until(lambda: page.traffic.has_received(mark), "everything the kernel has sent")
        check_traffic(page)
        self.python.run(_CLOSE)
        page.page.mouse.move(0, 0)


#: JupyterLab's widget manager restores what the kernel knows, then what the notebook holds; what it
#: draws between the two it calls missing for good. A reader loads the page again, and so do we.
_MISSED = "Error displaying widget: model not found"


@contextmanager
def without_kernel(chrome: Browser, page: LabPage, **viewport: int) -> Iterator[LabPage]:
    """The notebook as it was saved last, where the kernel knows nothing of it."""
    copied = f"copy-of-{page.notebook}"
    saved = shutil.copy(page.lab.folder / page.notebook, page.lab.folder / copied)
    views = saved.read_text().count('"application/vnd.jupyter.widget-view+json"')
    with open_notebook(chrome, page.lab, copied, **viewport) as opened:
        missed = opened.page.get_by_text(_MISSED)
        for _ in range(TRIES):
            expect(opened.page.locator(".ie").or_(missed)).to_have_count(views)
            if missed.count() == 0:
                break
            opened.traffic.take()
            opened.load()
        yield opened
        page.lab.api("DELETE", f"kernels/{page.lab.kernel_of(copied)}")


def until_drawn(page: LabPage, python: kernel.Kernel) -> Explorer:
    """The explorer `w` of a notebook, with all that it shows by itself."""
    view = Explorer(page.page)
    expect(view.slider).to_have_value(python.value("str(w.checkpoint)"))
    expect(view.patterns).to_have_count(python.value("len(w.heads)"))
    page.wait_until(lambda: python.value("w._work.pending") == 0, "an idle kernel")
    return view


class Head(NamedTuple):
    layer: int
    head: int

    @property
    def name(self) -> str:
        return f"L{self.layer}H{self.head}"


def best_head(python: kernel.Kernel, score: str) -> Head:
    """The head of `series` whose score is largest at the last checkpoint."""
    python.run(
        "from induction_kernels import head_scores\n"
        "_model = series.replica(private=True).model(-1)\n"
        f"_score = head_scores(_model, {score!r})[{score!r}].values"
    )
    return Head(*python.value("divmod(int(_score.argmax()), _score.shape[1])"))


#: JupyterLab's own, which asks a kernel for its state when another notebook is turned to.
_OF_THE_DEBUGGER = "Could not restore the debugger state"


def check_traffic(page: LabPage) -> None:
    """Since the last check, nothing failed unseen, left the machine or was too large to send."""
    seen = page.traffic.take()
    errors = [said for said in seen.errors if not said.startswith(_OF_THE_DEBUGGER)]
    assert errors == [], errors
    assert seen.foreign_urls == []
    assert seen.largest_frame() <= MAX_MESSAGE


def signed(value: float) -> str:
    """As the page writes a change: three decimals, a true minus sign, and no sign before a zero."""
    text = f"{value:+.3f}".replace("-", "−")
    return text[1:] if float(text[1:]) == 0 else text
