"""JupyterLab in Chromium, driven by Playwright, with a record of what the page said and sent."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import chromium
import nbformat
from lab import HOST, Lab
from patience import PATIENCE
from playwright.sync_api import Browser, Page, ViewportSize, WebSocket, expect, sync_playwright

VIEWPORT: ViewportSize = {"width": 1400, "height": 1600}
# Chromium hears the last list only, so Playwright's comes with ours: the address bar's suggestions,
# which nobody sees, are two pages in a process of their own for every context.
_WITHOUT = [
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxPopup",
]
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(_WITHOUT)}",
    # Whatever would ask a name server gets nothing: the tests are offline by construction.
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {HOST}",
]


@contextmanager
def browser(*arguments: str) -> Iterator[Browser]:
    """The Chromium of this machine, headless."""
    path = chromium.find()
    if path is None:
        raise RuntimeError("No Chromium is on PATH. `make chromium` says how to get one.")
    expect.set_options(timeout=1000 * PATIENCE)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path, headless=True, args=[*_ARGUMENTS, *arguments]
        )
        try:
            yield started
        finally:
            started.close()


@dataclass
class Traffic:
    """What a page did that a reader does not see.

    Attributes:
        errors: console errors and uncaught exceptions.
        urls: of every request and websocket.
        frames: websocket messages as (direction, payload), direction "sent" or "received".
            JupyterLab's kernel protocol puts one message into one frame.
    """

    errors: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    frames: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def foreign_urls(self) -> list[str]:
        """Requests that would leave this machine."""
        return [
            url
            for url in self.urls
            if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).hostname != HOST
        ]

    def largest_frame(self) -> int:
        return max((len(payload) for _, payload in self.frames), default=0)

    def has_received(self, mark: bytes) -> bool:
        """Whether a message holds `mark`; the kernel's come in the order in which it sent them."""
        return any(way == "received" and mark in payload for way, payload in self.frames)

    def take(self) -> Traffic:
        """What was recorded, to look at; recording goes on from nothing."""
        taken = Traffic(self.errors, self.urls, self.frames)
        self.errors, self.urls, self.frames = [], [], []
        return taken

    def record(self, page: Page) -> None:
        page.on("console", lambda message: self._console(message.type, message.text))
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        page.on("request", lambda request: self.urls.append(request.url))
        page.on("websocket", self._websocket)

    def _console(self, kind: str, text: str) -> None:
        if kind == "error":
            self.errors.append(text)

    def _websocket(self, socket: WebSocket) -> None:
        self.urls.append(socket.url)
        socket.on("framesent", lambda payload: self._frame("sent", payload))
        socket.on("framereceived", lambda payload: self._frame("received", payload))

    def _frame(self, direction: str, payload: str | bytes) -> None:
        data = payload.encode() if isinstance(payload, str) else payload
        self.frames.append((direction, data))


class LabPage:
    """A notebook, open in JupyterLab."""

    def __init__(self, page: Page, lab: Lab, notebook: str) -> None:
        self.page = page
        self.lab = lab
        self.notebook = notebook
        self.traffic = Traffic()
        self.traffic.record(page)
        page.set_default_timeout(1000 * PATIENCE)

    def load(self) -> None:
        """Open the notebook, alone, and wait for its kernel; loading again reloads the page."""
        self.page.goto(self.lab.link(self.notebook) + "&reset")
        self._wait_until_open()

    def turn_to(self, notebook: str) -> None:
        """Open another notebook instead of this one, in the same JupyterLab."""
        self.page.evaluate("[...jupyterapp.shell.widgets('main')].forEach((one) => one.dispose())")
        self.page.set_viewport_size(VIEWPORT)
        self.notebook = notebook
        self.command("docmanager:open", path=notebook)
        self._wait_until_open()

    def clear(self) -> None:
        """Its outputs, as the Edit menu does, and what became of the window."""
        self.page.set_viewport_size(VIEWPORT)
        self.command("notebook:clear-all-cell-outputs")

    def cells(self) -> list[str]:
        """The source of each cell."""
        return self.page.evaluate(
            "[...jupyterapp.shell.currentWidget.content.model.cells]"
            ".map((cell) => cell.sharedModel.getSource())"
        )

    def _wait_until_open(self) -> None:
        self.page.locator(".jp-Notebook").wait_for()
        self.page.wait_for_function(
            "path => jupyterapp.shell.currentWidget?.context?.path === path"
            " && jupyterapp.shell.currentWidget.sessionContext.session?.kernel"
            "?.connectionStatus === 'connected'",
            arg=self.notebook,
        )

    def command(self, name: str, **arguments: Any) -> None:
        """Run a command of JupyterLab, as its menus do, to the end."""
        self.page.evaluate(
            "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => null)",
            [name, arguments],
        )

    def run_all(self) -> None:
        """Run every cell, as the Run menu does, until the last has run."""
        self.command("notebook:run-all-cells")
        prompts = self.page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
        assert all(re.fullmatch(r"\[\d+\]:", prompt) for prompt in prompts), f"ran {prompts}"

    def kernel_file(self) -> Path:
        """The connection file of the notebook's kernel."""
        kernel = self.lab.kernel_of(self.notebook)
        assert kernel is not None, f"{self.notebook} has no kernel"
        return self.lab.connection_file(kernel)

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Poll a condition that lies outside the page, such as a trait in the kernel."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"waited {PATIENCE} s in vain for: {what}"
            self.page.wait_for_timeout(50)  # between two polls; the page's events go on


def write_notebook(lab: Lab, name: str, *cells: str) -> str:
    """A notebook of these code cells in the server's folder; returns its path there."""
    contents = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    contents.metadata.kernelspec = {
        "name": "python3",
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
    }
    nbformat.write(contents, lab.folder / name)
    return name


@contextmanager
def open_notebook(browser: Browser, lab: Lab, notebook: str, **viewport: int) -> Iterator[LabPage]:
    """A page with the notebook, in a browser context of its own."""
    context = browser.new_context(viewport=VIEWPORT | viewport, device_scale_factor=1)
    opened = LabPage(context.new_page(), lab, notebook)
    try:
        opened.load()
        yield opened
    finally:
        context.close()
