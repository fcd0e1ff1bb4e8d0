"""What a notebook takes on disk with an explorer in it: a budget, like that of messages."""

from __future__ import annotations

import pytest

#: On little text: losses are numbers of the same length, whatever they are.
CELL = """\
import induction_explorer.series.budget
from induction_explorer import InductionExplorer, load_demo
induction_explorer.series.budget.ROWS = 16
explorer = InductionExplorer(load_demo("attn-only-2l"))
explorer.wait()
explorer"""

#: Bytes. Half of it is the module, which all explorers of a notebook share.
BUDGET = 370_000


@pytest.mark.slow
def test_a_saved_notebook_stays_small() -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    state = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    assert {one["model_name"] for one in state.values()} >= {"AnyModel", "WidgetModel"}
    assert len(nbformat.writes(notebook).encode()) <= BUDGET
