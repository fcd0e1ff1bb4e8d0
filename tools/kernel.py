"""Python in a notebook's kernel, spoken to beside JupyterLab and unseen in the notebook."""

from __future__ import annotations

import ast
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client import BlockingKernelClient
from patience import PATIENCE


class KernelError(Exception):
    """The code raised, in the kernel."""


class Kernel:
    """A second front end of a kernel that JupyterLab shows."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client

    def run(self, code: str) -> None:
        """Execute statements; nothing is printed and no execution count moves."""
        self._execute(code, {})

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Run a cell that goes on until the context ends, so that the kernel can answer nobody."""
        with tempfile.TemporaryDirectory() as folder:
            begun, over = Path(folder) / "begun", Path(folder) / "over"
            self._client.execute(
                "import pathlib, time\n"
                f"pathlib.Path({str(begun)!r}).touch()\n"
                f"while not pathlib.Path({str(over)!r}).exists(): time.sleep(0.02)",
                silent=True,
            )
            while not begun.exists():
                time.sleep(0.02)
            try:
                yield
            finally:
                over.touch()
                self.run("")  # the folder is needed until the cell has seen it

    def mark(self) -> bytes:
        """Do nothing; returns what to look for in the messages that every front end gets of it."""
        return self._execute("", {})["request"].encode()

    def value(self, expression: str) -> Any:
        """What an expression is; it must be a literal (numbers, text, lists, None, ...)."""
        found = self._execute("", {"value": expression})["user_expressions"]["value"]
        if found["status"] != "ok":
            raise KernelError(f"{found['ename']}: {found['evalue']}")
        return ast.literal_eval(found["data"]["text/plain"])

    def _execute(self, code: str, expressions: dict[str, str]) -> dict[str, Any]:
        request = self._client.execute(code, silent=True, user_expressions=expressions)
        while True:
            reply = self._client.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == request:
                break
        content = reply["content"]
        if content["status"] != "ok":
            raise KernelError(f"{content.get('ename')}: {content.get('evalue')}")
        return content | {"request": request}


@contextmanager
def connect(connection_file: Path) -> Iterator[Kernel]:
    client = BlockingKernelClient(connection_file=str(connection_file))
    client.load_connection_file()
    client.start_channels(hb=False)  # a kernel that imports torch misses a beat, and is not dead
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield Kernel(client)
    finally:
        client.stop_channels()
