"""The other end of the wire, as the page has it."""

from __future__ import annotations

import json
import re
import zlib
from threading import Thread
from typing import Any

import numpy as np
from induction_explorer import InductionExplorer
from induction_explorer.channel.wire import check_size
from induction_explorer.channel.worker import SHARED


class Page:
    """Sends requests to an explorer and puts replies together again."""

    def __init__(self, explorer: InductionExplorer) -> None:
        self.explorer = explorer
        self.sent: list[tuple[dict, list[bytes]]] = []

    def send(self, content, buffers=None) -> None:
        json.dumps(content)  # must be JSON
        check_size(content, buffers)
        self.sent.append((content, list(buffers or [])))

    def ask(self, kind: str, **fields) -> list[tuple[dict, dict[str, np.ndarray]]]:
        """The parts of the reply, after the explorer has done all it has to do."""
        self.sent.clear()
        generation = self.explorer._prompts[0]["generation"]
        request = {"id": "r1", "kind": kind, "series": 0, "generation": generation} | fields
        self.explorer._requests.receive(request, self.send)
        self.explorer.wait()
        return self.parts("r1")

    def ask_meanwhile(self, *requests: dict[str, Any]) -> None:
        """Send from another thread, as if they had come at once: to be called on the worker's, in
        the middle of a pass."""

        def receive() -> None:
            with SHARED:
                for request in requests:
                    about = {"series": 0, "generation": self.explorer._prompts[0]["generation"]}
                    self.explorer._requests.receive(about | request, self.send)

        thread = Thread(target=receive)
        thread.start()
        thread.join()

    def parts(
        self, request: str, *, partial: bool = False
    ) -> list[tuple[dict, dict[str, np.ndarray]]]:
        """Errors and parts of a reply, `partial` ones too or only those that are whole."""
        found, head, data = [], None, b""
        messages = [(c, b) for c, b in self.sent if c["id"] == request]
        for content, buffers in messages:
            if "error" in content:
                assert_said(content["error"])
                found.append((content, {}))
                continue
            if content["chunk"] == 0:
                head, data = content, b""
            data += b"".join(buffers)
            whole = head["body"].get("share", 1) == 1
            if content["chunk"] >= content["chunks"] - 1 and (partial or whole):
                found.append((head["body"] | {"done": content["done"]}, _split(head, data)))
        return found


def assert_said(error: dict) -> None:
    """An error is a whole sentence, which may begin with a name; so is what to do, if anything."""
    assert re.fullmatch(r"(?![A-Z]{2}).*[.)]", error["message"], re.DOTALL), error
    assert re.fullmatch(r"(['\"]|[A-Z](?![A-Z])).*[.)]|", error["hint"], re.DOTALL), error


def _split(head: dict, data: bytes) -> dict[str, np.ndarray]:
    arrays, at = {}, 0
    data = zlib.decompress(data) if head["packed"] else data
    for array in head["arrays"]:
        size = int(np.prod(array["shape"])) * np.dtype(array["dtype"]).itemsize
        arrays[array["name"]] = np.frombuffer(data[at : at + size], array["dtype"]).reshape(
            array["shape"]
        )
        at += size
    assert at == len(data)
    return arrays
