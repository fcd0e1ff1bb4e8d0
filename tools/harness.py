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

from lab import HOST
from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]


class Harness:
    def __init__(self, url: str) -> None:
        self.url = url

    def open(self, page: Page, **query: str | int) -> None:
        """Show a case of js/dev/main.ts, e.g. open(page, case="2l", theme="dark")."""
        page.goto(f"{self.url}/?{urlencode(query)}")
        page.locator(".ie-header").wait_for()


@contextmanager
def serve(folder: Path) -> Iterator[Harness]:
    """The page, built into `folder` and served until the block is left."""
    subprocess.run(["node", "js/build.mjs", "--harness", str(folder)], cwd=ROOT, check=True)
    with ThreadingHTTPServer((HOST, 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Harness(f"http://{HOST}:{server.server_port}")
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Requests are nobody's news."""
