"""A host's own server, on this machine, gone when we are."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from lab import HOST, end
from patience import PATIENCE


@contextmanager
def serving(folder: Path, *command: str) -> Iterator[str]:
    """`python -m command`, run in `folder`, with {port} filled in; gives its address.

    Raises:
        RuntimeError: it ends before it answers; says the end of what it printed.
    """
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *(part.format(port=port) for part in command)],
            cwd=folder,
            env=os.environ | {"JUPYTER_CONFIG_DIR": str(folder / "config"), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    address = f"http://{HOST}:{port}"
    try:
        _wait_until_up(address, process, log)
        yield address
    finally:
        end(process)


def _wait_until_up(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            # Not the page itself: Voilà would start a kernel for it.
            with urlopen(f"{address}/nowhere", timeout=PATIENCE):
                return
        except HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"It did not start: {log.read_text(errors='replace')[-2000:]}")
