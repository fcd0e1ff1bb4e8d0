"""A cell run again and again leaves nothing behind: not in the page, not in the kernel."""

from __future__ import annotations

import kernel
from lab import Lab
from labpage import open_notebook, write_notebook
from notebooks import check_traffic
from parts import Explorer
from playwright.sync_api import Browser, CDPSession, expect

MIB = 1 << 20
RUNS, WARM_UP, EVERY = 50, 10, 10

SERIES = """\
import threading
from induction_explorer import InductionExplorer, load_demo
series = load_demo("attn-only-1l").select([12, 25])
texts = ["def f(x):\\n    return x\\n" * 8] * 4
"""
# A model of its own each time: the costliest kind to leave behind.
CELL = "w = InductionExplorer(series, texts=texts)\nw.wait()\nw"
MEASURE = """\
import ctypes, gc
from ipywidgets.widgets.widget import _instances
gc.collect()
ctypes.CDLL(None).malloc_trim(0)
resident = int(open("/proc/self/statm").read().split()[1]) * 4096
explorers = sum(isinstance(one, InductionExplorer) for one in _instances.values())
found = [resident, threading.active_count(), explorers, len(_instances)]
"""


def heap(session: CDPSession) -> int:
    for _ in range(2):
        session.send("HeapProfiler.collectGarbage")
    return session.send("Runtime.getHeapUsage")["usedSize"]


def test_fifty_runs_of_a_cell_leave_memory_threads_and_explorers_flat(
    lab: Lab, chrome: Browser
) -> None:
    notebook = write_notebook(lab, "reruns.ipynb", SERIES, CELL)
    with open_notebook(chrome, lab, notebook, width=900, height=600) as page:
        page.run_all()
        session = page.page.context.new_cdp_session(page.page)
        table: list[tuple[int, ...]] = []
        with kernel.connect(page.kernel_file()) as python:
            for run in range(1, RUNS + 1):
                page.command("notebook:run-cell")
                expect(Explorer(page.page).slider).to_be_visible()
                if run % EVERY == 0:
                    Explorer(page.page).wait_until_computed()
                    python.run(MEASURE)
                    table.append((run, heap(session), *python.value("found")))
        print("\nruns  page heap  kernel  threads  explorers  widgets")
        for run, page_heap, resident, *counts in table:
            print(f"{run:4d} {page_heap / MIB:7.1f} MiB {resident / MIB:5.0f} MiB", *counts)
        first, last = table[WARM_UP // EVERY - 1], table[-1]
        runs = last[0] - first[0]
        assert (last[1] - first[1]) / runs < 0.1 * MIB
        assert (last[2] - first[2]) / runs < 1 * MIB
        assert last[3:] == first[3:]
        assert last[4] == 1
        expect(page.page.locator(".ie")).to_have_count(1)
        check_traffic(page)
