"""What stands in a notebook where no widget is drawn is of the explorer as it was displayed."""

from __future__ import annotations

import re

import nbformat
import pytest
from nbclient import NotebookClient

SHOWN = """\
from induction_explorer import InductionExplorer, load_demo
explorer = InductionExplorer(load_demo("attn-only-2l").select([0, 12, -1]))
explorer.wait()
explorer"""
CHANGED = "explorer.checkpoint, explorer.score = 0, 'previous_token'\nexplorer.wait()"
LARGEST = "print(explorer.scores()[{!r}].max(['layer', 'head']).values.tolist()[{}])"


def run(*code: str) -> tuple[list[str], float]:
    """What each picture says, and what the last cell prints."""
    cells = [nbformat.v4.new_code_cell(cell) for cell in code]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    said = [
        output.data["text/plain"]
        for cell in notebook.cells
        for output in cell.outputs
        if "data:image/svg" in output.get("data", {}).get("text/html", "")
    ]
    return said, float(notebook.cells[-1].outputs[0].text)


def strongest(said: str) -> float:
    return float(re.findall(r"L\dH\d (\d\.\d+)", said)[0])


@pytest.mark.slow
def test_it_stays_what_it_was_while_the_reader_goes_on() -> None:
    (said,), largest = run(SHOWN, CHANGED, LARGEST.format("induction", 2))
    assert "· Induction · step 5,000, 20.5M tokens." in said
    assert strongest(said) == pytest.approx(largest, abs=5e-4)


@pytest.mark.slow
def test_displayed_again_every_picture_is_of_what_is_shown_now() -> None:
    said, largest = run(SHOWN, CHANGED, "explorer", LARGEST.format("previous_token", 0))
    assert len(said) == 2
    for one in said:
        assert "· Previous token · step 0, 0 tokens." in one
        assert strongest(one) == pytest.approx(largest, abs=5e-4)
