"""The process behind the page of `show` and `demo`: whatever pages send, the others are served."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from induction_explorer import InductionExplorer
from induction_explorer.page.frames import packed
from induction_explorer.page.server import serving
from patience import PATIENCE
from websockets.sync.client import ClientConnection, connect

JUNK = [
    "words", b"", b"\x01", b"\xff\xff\xff\xff{}", packed({}, None), packed([], None),
    (2).to_bytes(4, "little") + b"{}", packed({"method": "dance"}, None),
    packed({"method": "update", "state": {"checkpoint": "first"}}, None),
    packed({"method": "update", "state": {"checkpoint": 77, "no_such_trait": 1}}, None),
    packed({"method": "custom", "content": {"id": "1", "kind": "no such"}}, None),
    packed({"method": "custom", "content": None}, None),
]  # fmt: skip


@pytest.fixture
def socket(store) -> Iterator[str]:
    """Where a page would meet an explorer of a store."""
    with serving(lambda: InductionExplorer.from_store(store)) as page:
        thread = threading.Thread(target=page.run)
        thread.start()
        yield page.address.replace("http", "ws").replace("/?", "/socket?")
        page._server.shutdown()
        thread.join(PATIENCE)


@contextmanager
def joined(socket: str) -> Iterator[ClientConnection]:
    with connect(socket, max_size=None) as connection:
        yield connection


def said(connection: ClientConnection) -> tuple[dict, object]:
    """What comes next, and the mark of what it comes of."""
    frame = connection.recv(timeout=PATIENCE)
    length = int.from_bytes(frame[:4], "little")
    data, lengths, mark = json.loads(frame[4 : 4 + length])
    assert len(frame) == 4 + length + sum(lengths)
    return data, mark


def state(connection: ClientConnection, name: str) -> tuple[object, object]:
    """What a trait is said to be next, and the mark of that."""
    while True:
        data, mark = said(connection)
        if name in data.get("state", {}):
            return data["state"][name], mark


def test_a_page_is_told_the_state_first_and_its_own_words_by_their_marks(socket) -> None:
    with joined(socket) as one, joined(socket) as other:
        for connection in (one, other):
            first, mark = said(connection)
            assert (first["method"], mark) == ("update", None)
            assert first["state"]["checkpoint"] == 3
        one.send(packed({"method": "update", "state": {"checkpoint": 1}}, None, "one/1"))
        assert state(one, "checkpoint") == (1, "one/1")
        assert state(other, "checkpoint") == (1, "one/1")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of traitlets, of a trait there is not
def test_whatever_a_page_sends_everybody_is_served(socket, caplog) -> None:
    caplog.set_level(logging.CRITICAL)
    with joined(socket) as wild, joined(socket) as calm:
        said(calm)  # the state: from here on it is told everything
        for frame in JUNK:
            wild.send(frame)
        for page, at in ((wild, 2), (calm, 0)):
            page.send(packed({"method": "update", "state": {"checkpoint": at}}, None, f"to {at}"))
            found = state(calm, "checkpoint")
            while found[1] != f"to {at}":  # what the junk was answered
                found = state(calm, "checkpoint")
            assert found[0] == at


def test_a_page_that_leaves_is_told_nothing_more(socket) -> None:
    with joined(socket) as one:
        said(one)
    with joined(socket) as other:
        other.send(packed({"method": "update", "state": {"checkpoint": 0}}, None, "last"))
        assert state(other, "checkpoint")[0] == 3  # the state
        assert state(other, "checkpoint") == (0, "last")
