"""`make explore`: the example notebook in JupyterLab, which runs its first cell as it opens.

The notebook is copied to build/explore, so that the one in git keeps no outputs.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
import webbrowser
from contextlib import AbstractContextManager
from pathlib import Path

import nbformat
from lab import Lab, LabError, serve

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "examples" / "induction_heads.ipynb"
FOLDER = ROOT / "build" / "explore"
FIRST_CELL = ROOT / "tools" / "run-first-cell"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make explore", description=__doc__)
    parser.add_argument("--port", type=int, help="of the server; a free one by default")
    parser.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    parser.add_argument("--check", action="store_true", help="run every cell, then stop")
    options = parser.parse_args()
    try:
        copy = working_copy(NOTEBOOK, FOLDER)
        print("JupyterLab starts.", flush=True)
        with serving(FOLDER, port=options.port) as lab:
            if options.check:
                lab.run_notebook(copy.name, lambda text: print(text, flush=True))
            else:
                lab.start_kernel(copy.name)  # while the browser starts
                show(lab, copy.name, open_browser=not options.no_browser)
    except LabError as error:
        sys.exit(f"make explore: {error}")
    except KeyboardInterrupt:
        print("\nJupyterLab and its kernels are stopped.")


def serving(folder: Path, port: int | None = None) -> AbstractContextManager[Lab]:
    """JupyterLab that runs the first cell of the notebook that is opened, soon."""
    return serve(
        folder,
        port=port,
        extension=FIRST_CELL,
        startup="from induction_explorer import InductionExplorer",
    )


def show(lab: Lab, notebook: str, *, open_browser: bool) -> None:
    """Serve until the reader presses Ctrl-C or shuts JupyterLab down."""
    address = lab.link(notebook)
    print(
        f"\nThe notebook is served at\n\n    {address}\n\n"
        "The explorer appears there within seconds of its opening. Ctrl-C stops JupyterLab.",
        flush=True,
    )
    if open_browser and not webbrowser.open(address):
        print("No browser could be opened; open the address yourself.", flush=True)
    lab.process.wait()


def working_copy(notebook: Path, folder: Path) -> Path:
    """A fresh copy of the notebook in `folder`; one that a reader has edited is kept beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    copy, served = folder / notebook.name, folder / ".served.ipynb"
    if copy.exists() and served.exists() and sources(copy) != sources(served):
        kept = next(
            path
            for number in itertools.count(2)
            if not (path := folder / f"{notebook.stem}-{number}.ipynb").exists()
        )
        copy.rename(kept)
        print(f"Your edits of the last time are kept in {kept}.", flush=True)
    shutil.copyfile(notebook, copy)
    shutil.copyfile(notebook, served)
    return copy


def sources(notebook: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(notebook, as_version=4).cells]


if __name__ == "__main__":
    main()
