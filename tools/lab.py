"""A JupyterLab server of our own: offline, apart from the reader's settings, gone when we are."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import nbformat
from jupyter_client import AsyncKernelClient
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from patience import PATIENCE

HOST = "127.0.0.1"

# Lab looks for news, updates and extensions on the internet unless told not to.
_SERVER = {
    "LabApp": {
        "news_url": None,
        "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "extension_manager": "readonly",
        "expose_app_in_browser": True,  # window.jupyterapp, for tests and screenshots
    },
}
_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    "@jupyterlab/apputils-extension:themes": {"adaptive-theme": True},
    # Instead of a question, which kernel to start.
    "@jupyterlab/notebook-extension:tracker": {"autoStartDefaultKernel": True},
}


class LabError(Exception):
    """What went wrong with the server or a notebook, in a sentence for the one who started it."""


@dataclass(frozen=True)
class Lab:
    """A running server.

    Attributes:
        folder: what its file browser shows; paths of notebooks are relative to it.
        state: its settings, log and the connection files of its kernels.
        process: ends when the reader chooses File > Shut Down.
    """

    url: str
    token: str
    folder: Path
    state: Path
    process: subprocess.Popen[bytes]

    def link(self, notebook: str) -> str:
        """The address that opens a notebook."""
        return f"{self.url}/lab/tree/{quote(notebook)}?token={self.token}"

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """A call of Jupyter's REST API, e.g. ("GET", "sessions")."""
        request = Request(
            f"{self.url}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        with urlopen(request, timeout=PATIENCE) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def start_kernel(self, notebook: str, running: str | None = None) -> str:
        """The kernel that JupyterLab will use for this notebook: the `running` one, else a new one;
        returns its id."""
        body = {
            "path": notebook,
            "name": Path(notebook).name,
            "type": "notebook",
            "kernel": {"name": "python3"} if running is None else {"id": running},
        }
        return self.api("POST", "sessions", body)["kernel"]["id"]

    def kernel_of(self, notebook: str) -> str | None:
        """The id of the kernel that runs this notebook, if one does."""
        for session in self.api("GET", "sessions"):
            if session["path"] == notebook and session["kernel"]:
                return session["kernel"]["id"]
        return None

    def connection_file(self, kernel: str) -> Path:
        return self.state / "runtime" / f"kernel-{kernel}.json"

    def run_notebook(self, notebook: str, progress: Callable[[str], None] = print) -> None:
        """Execute every cell in the kernel that JupyterLab will find, and save the outputs.

        Raises:
            LabError: a cell fails; what ran until then is saved.
        """
        contents = nbformat.read(self.folder / notebook, as_version=4)
        kernel = self.start_kernel(notebook)
        try:
            asyncio.run(self._execute(contents, kernel, progress))
        finally:
            self._save_trusted(notebook, contents)

    def _save_trusted(self, notebook: str, contents: nbformat.NotebookNode) -> None:
        """Save so that JupyterLab shows the outputs: it hides widgets that nobody vouches for."""
        for cell in contents.cells:
            if cell.cell_type == "code":
                cell.metadata.trusted = True
        self.api("PUT", f"contents/{quote(notebook)}", {"type": "notebook", "content": contents})

    async def _execute(
        self, contents: nbformat.NotebookNode, kernel: str, progress: Callable[[str], None]
    ) -> None:
        client = AsyncKernelClient(connection_file=str(self.connection_file(kernel)))
        client.load_connection_file()
        client.start_channels()
        # nbclient would start a kernel of its own; given a client, it runs cells in that one's.
        runner = NotebookClient(contents, timeout=None, store_widget_state=False)
        runner.kc = client
        code = [i for i, cell in enumerate(contents.cells) if cell.cell_type == "code"]
        try:
            await client.wait_for_ready(timeout=PATIENCE)
            for number, index in enumerate(code, 1):
                progress(f"Running cell {number} of {len(code)}")
                await runner.async_execute_cell(contents.cells[index], index)
        except CellExecutionError as error:
            raise LabError(
                f"Cell {number} of {len(code)} failed with {error.ename}: {error.evalue}"
            ) from error
        finally:
            client.stop_channels()


@contextmanager
def serve(
    folder: Path,
    *,
    port: int | None = None,
    settings: Mapping[str, Any] | None = None,
    extension: Path | None = None,
    startup: str = "",
    application: str = "jupyterlab",
) -> Iterator[Lab]:
    """JupyterLab on `folder` until the block is left; then the server and its kernels are gone.

    A SIGTERM leaves the block as Ctrl-C does, so that no server is left behind.

    Args:
        port: on this machine; None for a free one.
        settings: default settings by plugin, beside the ones that keep it offline.
        extension: the folder of one of JupyterLab's, beside those that are installed.
        startup: what every kernel runs as it starts.
        application: what is served: the module of JupyterLab, or "notebook" (7).

    Raises:
        LabError: the port is taken, or the server does not come up.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    state = folder / ".jupyter"
    port = _free_port(port)
    token = secrets.token_hex(16)
    _write(state / "config/jupyter_lab_config.json", _SERVER)
    _write(
        state / "config/labconfig/default_setting_overrides.json", {**_SETTINGS, **(settings or {})}
    )
    extensions = state / "data/labextensions"
    shutil.rmtree(extensions, ignore_errors=True)
    if extension is not None:
        shutil.copytree(extension, extensions / extension.name)
    start = state / "ipython/profile_default/startup/start.py"
    start.parent.mkdir(parents=True, exist_ok=True)
    start.write_text(startup)
    environment = os.environ | {
        "JUPYTER_TOKEN": token,  # not an argument: those can be read by every user
        "JUPYTER_CONFIG_DIR": str(state / "config"),
        "JUPYTER_DATA_DIR": str(state / "data"),
        "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(state / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
        "IPYTHONDIR": str(state / "ipython"),
    }
    command = [sys.executable, "-m", application, "--no-browser"]
    command += [f"--ServerApp.ip={HOST}", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    command += [f"--ServerApp.root_dir={folder}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command += ["--allow-root"]
    log = state / "server.log"
    with log.open("wb") as output:
        # A session of its own, so that Ctrl-C reaches us alone and we can say goodbye to it.
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    lab = Lab(f"http://{HOST}:{port}", token, folder, state, process)
    try:
        _wait_until_up(lab, log)
        yield lab
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """A server, and wait until it is gone; one that does not listen is killed."""
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_up(lab: Lab, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            lab.api("GET", "status")
        except HTTPError as error:
            raise LabError(f"JupyterLab refuses to answer: {error}.") from error
        except OSError:
            pass
        else:
            return
        if lab.process.poll() is not None or time.monotonic() > end:
            tail = "".join(log.read_text(errors="replace").splitlines(keepends=True)[-15:])
            raise LabError(f"JupyterLab did not start. The end of {log}:\n{tail}")
        time.sleep(0.1)  # between two polls of a process that says nothing by itself


def _free_port(wanted: int | None) -> int:
    with socket.socket() as probe:
        # As the server will bind: a connection that is only just closed does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted or 0))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise LabError(
                f"Port {wanted} cannot be used ({reason}). Give another, or none to get a free one."
            ) from error
        return probe.getsockname()[1]


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2))
