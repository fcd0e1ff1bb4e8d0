"""`make screenshots`: the widget in JupyterLab, light and dark, wide and narrow.

Writes docs/screenshots/lab-<theme>-<width>.png (the window) and explorer-<theme>.png (the widget).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from lab import serve
from labpage import LabPage, browser, open_notebook, write_notebook
from parts import Explorer
from playwright.sync_api import Page, expect

FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
SIZES = {1400: 2020, 480: 3400}
# The theme is ours to choose here, not the system's.
_NOT_ADAPTIVE = {"@jupyterlab/apputils-extension:themes": {"adaptive-theme": False}}
#: Held in the pictures: the last token of the default prompt.
TOKEN = -1

CELLS = (
    (
        "from induction_explorer import InductionExplorer, load_demo\n\n"
        'series = load_demo("attn-only-2l")'
    ),
    "explorer = InductionExplorer(series, heads=[[0, 4], [1, 6]])\nexplorer.wait()\nexplorer",
)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder), settings=_NOT_ADAPTIVE) as lab,
    ):
        notebook = write_notebook(lab, "induction_heads.ipynb", *CELLS)
        lab.run_notebook(notebook, lambda _: None)
        with browser() as chrome:
            for width, height in SIZES.items():
                with open_notebook(chrome, lab, notebook, width=width, height=height) as page:
                    photograph(page, width)


def photograph(page: LabPage, width: int) -> None:
    """The window in both themes; at full width, the widget alone as well."""
    page.command("application:toggle-left-area")
    view = Explorer(page.page)
    for name, theme in THEMES.items():
        page.command("apputils:change-theme", theme=theme)
        expect(page.page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
        page.page.locator("#jupyterlab-splash").wait_for(state="detached")
        expect(view.root).to_have_attribute("data-theme", name)
        pose(page.page, view)
        save(page.page, f"lab-{name}-{width}")
        if width == max(SIZES):
            save(page.page, f"explorer-{name}", view)


def pose(page: Page, view: Explorer) -> None:
    """The widget at rest, with one token held."""
    view.wait_until_computed()
    expect(view.patterns).to_have_count(2)
    token = view.tokens.nth(TOKEN)
    if token.get_attribute("aria-selected") != "true":
        token.click()
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement?.blur()")
    expect(view.status).to_contain_text("attends")
    for _ in range(2):  # what has changed is drawn in the next frame
        page.evaluate("() => new Promise(requestAnimationFrame)")


def save(page: Page, name: str, view: Explorer | None = None) -> None:
    path = FOLDER / f"{name}.png"
    if view is None:
        page.screenshot(path=path)
    else:
        view.root.screenshot(path=path)
    print(f"{path.relative_to(Path.cwd())}  {path.stat().st_size / 1024:.0f} KB", flush=True)


if __name__ == "__main__":
    main()
