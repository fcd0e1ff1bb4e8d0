"""Every tab of the widget in JupyterLab, light and dark, wide and narrow, to be looked at.

python tools/tab_screenshots.py [build/tabs] [--tab NAME ...]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from lab import serve
from labpage import LabPage, browser, open_notebook, write_notebook
from parts import Explorer
from playwright.sync_api import expect
from screenshots import _NOT_ADAPTIVE, THEMES

CELLS = (
    (
        "from induction_explorer import InductionExplorer, load_demo\n\n"
        'three = [load_demo(f"attn-only-{n}l") for n in (1, 2, 3)]'
    ),
    (
        "explorer = InductionExplorer(three, series=1, checkpoint=18, compare=9,\n"
        "                             heads=[[0, 4], [1, 6]], score='prefix_matching')\n"
        "explorer.wait()\nexplorer"
    ),
)
WIDTHS = (1400, 480)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/tabs"))
    parser.add_argument("--tab", action="append", help="only the tabs of these titles")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder), settings=_NOT_ADAPTIVE) as lab,
    ):
        notebook = write_notebook(lab, "tabs.ipynb", *CELLS)
        lab.run_notebook(notebook, lambda _: None)
        with browser() as chrome:
            for width in WIDTHS:
                with open_notebook(chrome, lab, notebook, width=width, height=1500) as page:
                    photograph(page, options.folder, width, options.tab)


def photograph(page: LabPage, folder: Path, width: int, only: list[str] | None) -> None:
    page.command("application:toggle-left-area")
    view = Explorer(page.page)
    for name, theme in THEMES.items():
        page.command("apputils:change-theme", theme=theme)
        expect(view.root).to_have_attribute("data-theme", name)
        view.wait_until_computed()
        top = folder / f"top-{name}-{width}.png"
        view.root.screenshot(path=top)
        for index, title in enumerate(view.measures.all_inner_texts()):
            if only and title not in only:
                continue
            view.measures.nth(index).click()
            page.page.wait_for_timeout(2500)
            path = folder / f"{title.lower().replace(' ', '-')}-{name}-{width}.png"
            view.root.locator(".ie-measures").screenshot(path=path)
            print(path, flush=True)


if __name__ == "__main__":
    main()
