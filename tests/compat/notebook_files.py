"""A notebook with one explorer, as a file of each kind."""

from __future__ import annotations

from pathlib import Path

import nbformat

CELL = """\
from induction_explorer import InductionExplorer, load_demo
explorer = InductionExplorer(load_demo("attn-only-2l"))
explorer.wait()
explorer"""

_MARIMO = """\
import marimo

app = marimo.App(width="full")


@app.cell
def _():
    from induction_explorer import InductionExplorer, load_demo

    explorer = InductionExplorer(load_demo("attn-only-2l"))
    explorer.wait()
    explorer
    return


if __name__ == "__main__":
    app.run()
"""


def jupyter(folder: Path, *cells: str) -> Path:
    """With these cells after the first."""
    path = folder / "explorer.ipynb"
    code = [nbformat.v4.new_code_cell(cell) for cell in (CELL, *cells)]
    notebook = nbformat.v4.new_notebook(cells=code)
    notebook.metadata.kernelspec = {
        "name": "python3",
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
    }
    nbformat.write(notebook, path)
    return path


def marimo(folder: Path) -> Path:
    path = folder / "explorer.py"
    path.write_text(_MARIMO)
    return path
