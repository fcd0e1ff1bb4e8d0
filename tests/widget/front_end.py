"""Where comms end: the messages of a kernel and, of one widget, the state that a page has of it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import comm
import numpy as np
import pytest
from comm.base_comm import BaseComm

#: Of one message: its JSON and its buffers.
MAX_MESSAGE = 1 << 20


def array(envelope: Mapping[str, Any]) -> np.ndarray:
    """What a trait holds of an array; NaN where it says that nothing is known of any of it."""
    if envelope.get("unknown"):
        return np.full(envelope["shape"], np.nan, envelope["dtype"])
    return np.frombuffer(envelope["data"], envelope["dtype"]).reshape(envelope["shape"])


class FrontEnd:
    """What a page has received.

    Attributes:
        sizes: bytes of every message.
        states: by comm, the traits as ipywidgets keeps and saves them.
        rows: by comm, series and kind, the rows that were told, by checkpoint.
    """

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.states: dict[str, dict[str, Any]] = {}
        self.news: list[tuple[dict[str, Any], dict[str, np.ndarray]]] = []
        self._part: tuple[dict[str, Any], bytes] = ({}, b"")

    def receive(self, comm_id: str, data: dict[str, Any] | None, buffers: Any) -> None:
        data, buffers = data or {}, [bytes(b) for b in buffers or ()]
        self.sizes.append(len(json.dumps(data)) + sum(map(len, buffers)))
        state = json.loads(json.dumps(data.get("state", {})))
        for path, buffer in zip(data.get("buffer_paths", ()), buffers, strict=False):
            at = state
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = buffer
        self.states.setdefault(comm_id, {}).update(state)
        if data.get("method") == "custom" and data["content"].get("id") == "rows":
            self._hear(data["content"], buffers)

    def arrays(self, comm_id: str, trait: str) -> dict[str, np.ndarray]:
        """Those of a trait that came with their data."""
        return {
            key: np.frombuffer(one["data"], one["dtype"]).reshape(one["shape"])
            for key, one in self.states[comm_id][trait].items()
            if one["data"] is not None
        }

    def _hear(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        head, bytes_so_far = self._part if content["chunk"] else (content, b"")
        self._part = head, bytes_so_far + b"".join(buffers)
        if not content["done"]:
            return
        data, at, arrays = self._part[1], 0, {}
        data = zlib.decompress(data) if head["packed"] else data
        for array in head["arrays"]:
            count = int(np.prod(array["shape"]))
            found = np.frombuffer(data, array["dtype"], count, at)
            arrays[array["name"]] = found.reshape(array["shape"])
            at += found.nbytes
        self.news.append((head["body"], arrays))


@contextmanager
def connected(monkeypatch: pytest.MonkeyPatch) -> Iterator[FrontEnd]:
    """Every comm that is opened meanwhile ends here."""
    page = FrontEnd()

    class Recorded(BaseComm):
        def publish_msg(
            self, _kind: str, data: Any = None, _meta: Any = None, buffers: Any = None, **_: Any
        ) -> None:
            page.receive(self.comm_id, data, buffers)

    with monkeypatch.context() as patch:
        patch.setattr(comm, "create_comm", Recorded)
        yield page
