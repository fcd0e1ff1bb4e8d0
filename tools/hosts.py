"""What a host puts around a widget: its variables, its styles and what it writes on the page.

JupyterLab's themes and the variables that ipywidgets brings into every host are those installed
here. VS Code's are written out: the names its notebook webview sets, with its own themes' values.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_SHARE = Path(sys.prefix) / "share" / "jupyter"


@dataclass(frozen=True)
class Host:
    """What a page does to the widget that it shows.

    Attributes:
        theme: what the widget is to look like.
        scheme: what the reader's system prefers.
        body: attributes of <body>.
        output: class of the element that holds the widget.
        css: before the widget's own.
    """

    theme: str
    scheme: str = "light"
    body: dict[str, str] = field(default_factory=dict)
    output: str = ""
    css: str = ""


def hosts() -> dict[str, Host]:
    return {
        "vscode-dark": _vscode("dark", "vscode-dark", "#1f1f1f", "#cccccc"),
        "vscode-light": _vscode("light", "vscode-light", "#ffffff", "#3b3b3b"),
        "vscode-high-contrast": _vscode(
            "dark", "vscode-high-contrast", "#000000", "#ffffff", border="#6fc3df"
        ),
        "vscode-high-contrast-light": _vscode(
            "light", "vscode-high-contrast-light", "#ffffff", "#292929", border="#0f4a85"
        ),
        "vscode-solarized-dark": _vscode("dark", "vscode-dark", "#002b36", "#839496"),
        "vscode-solarized-light": _vscode("light", "vscode-light", "#fdf6e3", "#657b83"),
        "lab-light": _lab("light"),
        "lab-dark": _lab("dark"),
        "bare-light": Host("light"),
        "bare-dark": Host("dark", scheme="dark"),
    }


def _vscode(theme: str, kind: str, ground: str, ink: str, border: str | None = None) -> Host:
    variables = {
        "editor-background": ground,
        "editor-foreground": ink,
        "foreground": ink,
        "font-family": "system-ui, sans-serif",
        "editor-font-family": "monospace",
        **({} if border is None else {"contrastBorder": border}),
    }
    rules = "".join(f"--vscode-{name}: {value};" for name, value in variables.items())
    return Host(
        theme,
        # A dark editor on a light desktop, and the other way round.
        scheme="light" if theme == "dark" else "dark",
        body={"class": kind, "data-vscode-theme-kind": kind},
        output="cell-output-ipywidget-background",
        css=f"{_labvariables()} :root {{ {rules} }} body {{ background: {ground} }} {_VSCODE}",
    )


# The notebook webview's rules for tables and the Jupyter extension's ground for widgets.
_VSCODE = """
  .cell-output-ipywidget-background { background: white !important; }
  table, thead, tr, th, td, tbody { border: none !important; border-spacing: 0; }
  table { width: 100%; border-collapse: collapse; }
  table, th, tr { text-align: left !important; }
  thead { font-weight: bold; background-color: rgba(130, 130, 130, 0.16); }
  th, td { padding: 4px 8px; }
  tr:nth-child(even) { background-color: rgba(130, 130, 130, 0.08); }
"""


def _lab(theme: str) -> Host:
    css = (_SHARE / f"lab/themes/@jupyterlab/theme-{theme}-extension/index.css").read_text()
    return Host(
        theme,
        scheme="light" if theme == "dark" else "dark",
        body={"data-jp-theme-light": "true" if theme == "light" else "false"},
        output="jp-RenderedHTMLCommon",
        css=f"{css} body {{ background: var(--jp-layout-color0) }} {_LAB}",
    )


# Of HTML outputs, which stripe every table in them.
_LAB = """
  .jp-RenderedHTMLCommon thead { border-bottom: 1px solid var(--jp-border-color1); }
  .jp-RenderedHTMLCommon td, .jp-RenderedHTMLCommon th, .jp-RenderedHTMLCommon tr {
    padding: 0.5em; border: none; line-height: normal; white-space: normal; text-align: right;
  }
  .jp-RenderedHTMLCommon tbody tr:nth-child(odd) { background: var(--jp-layout-color0); }
  .jp-RenderedHTMLCommon tbody tr:nth-child(even) {
    background: var(--jp-rendermime-table-row-background);
  }
"""


@cache
def _labvariables() -> str:
    """labvariables.css of @jupyter-widgets/controls, out of the bundle that carries it."""
    bundle = (_SHARE / "nbextensions/jupyter-js-widgets/extension.js").read_text()
    blocks = (block.partition("}")[0] for block in bundle.split(":root {")[1:])
    return "".join(
        f":root {{{block}}}".replace("\\n", "\n")
        for block in blocks
        if "--jp-" in block or "--md-" in block
    )
