"""The part of VS Code that draws widgets, put together from what it is made of.

Real: `@vscode/jupyter-ipywidgets8` (the widget manager of the Jupyter extension), require.js, the
sandbox of the frame, the variables and rules of the notebook webview, a kernel behind a Jupyter
server. Ours: webview.mjs, which draws outputs and hands messages on where the extension would.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from harness import ROOT, Quiet
from hosts import hosts
from lab import HOST, Lab
from parts import Explorer
from playwright.sync_api import Frame, FrameLocator, Page

_HERE = Path(__file__).parent / "vscode"
_NBEXTENSION = Path(sys.prefix) / "share/jupyter/nbextensions/anywidget/index.js"
#: Of a cell, as the extension names it to the kernel.
CELL = "vscode-notebook-cell:/home/reader/explorer.ipynb#W0sZmlsZQ%3D%3D"
#: What the frame of a webview with scripts may do.
_SANDBOX = "allow-same-origin allow-pointer-lock allow-scripts allow-downloads allow-forms"
_EDITOR = f"""\
<!doctype html><link rel="icon" href="data:,"><body style="margin: 0">
<iframe id="webview" sandbox="{_SANDBOX}" style="width: 100%; height: 100vh; border: 0"></iframe>
<script>webview.src = location.search.slice(1) + ".html";</script>
"""
#: Of notebooks where `notebook.experimental.enableCsp` is set; without it they have none. The way
#: to the kernel is let through, which in VS Code is none of the network's.
EXPERIMENTAL_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' https: http: data:; font-src 'self' https:; "
    "connect-src https: http: ws:; child-src https: data:"
)


@contextmanager
def webviews(folder: Path) -> Iterator[str]:
    """Where editors are served from, out of `folder`, until the block is left."""
    subprocess.run(
        ["node_modules/.bin/esbuild", _HERE / "webview.mjs", "--bundle", "--format=esm",
         "--log-level=warning", f"--outfile={folder / 'webview.js'}"],
        cwd=ROOT, check=True,
    )  # fmt: skip
    packages = _HERE / "node_modules"
    for path in ("@vscode/jupyter-ipywidgets8/dist/ipywidgets.js", "requirejs/require.js"):
        shutil.copy(packages / path, folder)
    (folder / "local").mkdir()
    shutil.copy(_NBEXTENSION, folder / "local" / "anywidget.js")
    (folder / "editor.html").write_text(_EDITOR)
    for name in hosts():
        (folder / f"{name}.html").write_text(frame(name))
    (folder / "policy.html").write_text(frame("vscode-dark", EXPERIMENTAL_POLICY))
    with ThreadingHTTPServer((HOST, 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()


def frame(theme: str, policy: str = "") -> str:
    """A webview's page in one of `hosts()`, before any output."""
    host = hosts()[theme]
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">' if policy else ""
    attributes = " ".join(f'{name}="{value}"' for name, value in host.body.items())
    page = (_HERE / "webview.html").read_text()
    return page.format(policy=meta, css=host.css, attributes=attributes)


class VSCode:
    """A notebook editor: a page whose frame is the webview of its outputs."""

    def __init__(self, page: Page, address: str, lab: Lab, kernel: str) -> None:
        self.page = page
        self._address = address
        self._lab = lab
        self._kernel = kernel

    @property
    def webview(self) -> FrameLocator:
        return self.page.frame_locator("#webview")

    @property
    def explorer(self) -> Explorer:
        return Explorer(self.page, root=self.webview.locator(".ie"))

    def open(
        self, theme: str = "vscode-dark", *, remote: bool = False, restore: bool = False
    ) -> None:
        """A webview of its own, on the kernel.

        Args:
            theme: one of `hosts()`.
            remote: on a Jupyter server, where the extension finds no script of any widget.
            restore: ask the kernel for the widgets that it has.
        """
        self.page.emulate_media(color_scheme=hosts()[theme].scheme)
        self.page.goto(f"{self._address}/editor.html?{theme}")
        self.webview.locator("#container").wait_for(state="attached")
        scripts = {} if remote else {"anywidget": "local/anywidget"}
        self._tell(
            "open",
            {
                "url": f"{self._lab.url}/",
                "token": self._lab.token,
                "kernel": self._kernel,
                "scripts": scripts,
                "restore": restore,
            },
        )

    def run(self, code: str) -> None:
        self._tell("run", code, CELL)

    def show(self, outputs: list[Mapping[str, Any]]) -> None:
        self._tell("show", outputs)

    def outputs(self) -> list[Mapping[str, Any]]:
        return self._frame.evaluate("webview.outputs")

    def failures(self) -> list[str]:
        return self._frame.evaluate("webview.failures")

    @property
    def _frame(self) -> Frame:
        (frame,) = (one for one in self.page.frames if one != self.page.main_frame)
        return frame

    def _tell(self, what: str, *arguments: Any) -> None:
        self._frame.wait_for_function("window.webview && window.vscIPyWidgets8")
        self._frame.evaluate(
            "([what, args]) => webview[what](...args).then(() => null)", [what, list(arguments)]
        )
