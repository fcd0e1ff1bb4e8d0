"""What stands in a notebook where no widget is drawn is of the explorer as it was displayed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

SHOWN = """\
from induction_explorer import InductionExplorer, load_demo
explorer = InductionExplorer(load_demo("attn-only-2l").select([0, 12, -1]))
explorer.wait()
explorer"""
CHANGED = "explorer.checkpoint, explorer.score = 0, 'previous_token'\nexplorer.wait()"
LARGEST = "print(explorer.scores()[{!r}].max(['layer', 'head']).values.tolist()[{}])"


@pytest.fixture
def notebook() -> Iterator[Callable[..., tuple[list[str], float]]]:
    """Runs further cells: what all pictures say then, and what the last cell prints."""
    import nbformat
    from nbclient import NotebookClient

    cells = nbformat.v4.new_notebook()
    client = NotebookClient(cells, timeout=300, kernel_name="python3")

    def run(*code: str) -> tuple[list[str], float]:
        for source in code:
            cells.cells.append(nbformat.v4.new_code_cell(source))
            client.execute_cell(cells.cells[-1], len(cells.cells) - 1)
        said = [
            output.data["text/plain"]
            for cell in cells.cells
            for output in cell.outputs
            if "data:image/svg" in output.get("data", {}).get("text/html", "")
        ]
        return said, float(cells.cells[-1].outputs[0].text)

    with client.setup_kernel():
        yield run


def strongest(said: str) -> float:
    return float(re.findall(r"L\dH\d (\d\.\d+)", said)[0])


@pytest.mark.slow
def test_it_stays_what_it_was_until_it_is_displayed_again(notebook) -> None:
    (said,), largest = notebook(SHOWN, CHANGED, LARGEST.format("induction", 2))
    assert "· Induction · step 5,000, 20.5M tokens." in said
    assert strongest(said) == pytest.approx(largest, abs=5e-4)
    both, largest = notebook("explorer", LARGEST.format("previous_token", 0))
    assert len(both) == 2
    for one in both:
        assert "· Previous token · step 0, 0 tokens." in one
        assert strongest(one) == pytest.approx(largest, abs=5e-4)
