"""The page of js/dev: the widget over a fake model, without a notebook and without a kernel."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

from hosts import Host, hosts
from lab import HOST
from patience import PATIENCE
from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]


class Harness:
    """The page of js/dev, served."""

    def __init__(self, url: str) -> None:
        self.url = url

    def open(self, page: Page, host: str | None = None, **query: str | int) -> None:
        """Show a case of js/dev/main.ts, e.g. `case="2l"`, in one of `hosts()`."""
        page.set_default_timeout(1000 * PATIENCE)
        name = "index" if host is None else host
        if host is not None:
            page.emulate_media(color_scheme=hosts()[host].scheme)
        page.goto(f"{self.url}/{name}.html?{urlencode(query)}")
        page.locator(".ie-header").wait_for()


@contextmanager
def serve(folder: Path) -> Iterator[Harness]:
    """The page, built into `folder` and served until the block is left."""
    subprocess.run(["node", "js/build.mjs", "--harness", str(folder)], cwd=ROOT, check=True)
    plain = (folder / "index.html").read_text()
    for name, host in hosts().items():
        (folder / f"{name}.html").write_text(_inside(host, plain))
    (folder / "cells.html").write_text(_CELLS)
    with ThreadingHTTPServer((HOST, 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Harness(f"http://{HOST}:{server.server_port}")
        server.shutdown()


# As VS Code's list of cells: it scrolls, and a frame of another origin is as high as all outputs.
_CELLS = """\
<!doctype html><body style="margin: 0">
<div id="cells" style="height: 700px; overflow-y: scroll">
  <div style="height: 900px">cells above</div>
  <iframe sandbox="allow-scripts" src="vscode-light.html?case=2l"
    style="display: block; width: 1200px; height: 4000px; border: 0"></iframe>
</div>
"""


def _inside(host: Host, page: str) -> str:
    """The page as this host would hold it."""
    attributes = "".join(f' {name}="{value}"' for name, value in host.body.items())
    return (
        page.replace("<link", f"<style>{host.css}</style>\n<link", 1)
        .replace("<body", f"<body{attributes}", 1)
        .replace('id="output"', f'id="output" class="{host.output}"', 1)
    )


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and says nothing of it."""

    def end_headers(self) -> None:
        """A frame of no origin may load the page's script."""
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *_said: object) -> None:
        """Requests are nobody's news."""
