"""The pages that show an explorer, and what goes to and fro between them and it.

To the explorer they are what a notebook's pages are: it sends messages by a comm, to all of them,
and they answer by the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from queue import SimpleQueue
from typing import Any

import comm
from comm.base_comm import BaseComm
from ipywidgets.widgets.widget import _remove_buffers

from induction_explorer.channel.worker import SHARED
from induction_explorer.explorer import InductionExplorer
from induction_explorer.page.frames import packed, unpacked

#: Frames for one page; None ends it.
Frames = SimpleQueue[bytes | None]

#: Of the page's message that is heeded now.
_mark: ContextVar[Any] = ContextVar("mark", default=None)


class Audience:
    """Of the explorer that `make` makes."""

    def __init__(self, make: Callable[[], InductionExplorer]) -> None:
        self._pages: set[Frames] = set()
        with _comms_are(lambda **opened: _Comm(self, **opened)):
            self.explorer = make()

    def join(self) -> Frames:
        """What a new page is told: first the state, then whatever happens to it."""
        frames: Frames = SimpleQueue()
        with SHARED:  # nothing is told between the two
            state, paths, buffers = _remove_buffers(self.explorer.get_state())
            update = {"method": "update", "state": state, "buffer_paths": paths}
            frames.put(packed(update, buffers))
            self._pages.add(frames)
        return frames

    def leave(self, frames: Frames) -> None:
        with SHARED:
            self._pages.discard(frames)
        frames.put(None)

    def hear(self, frame: bytes | str) -> None:
        """A page says something.

        Raises:
            InductionError: it is no message.
        """
        data, mark = unpacked(frame)
        token = _mark.set(mark)
        try:
            self.explorer.comm.handle_msg({"content": {"data": data}, "buffers": []})
        finally:
            _mark.reset(token)

    def tell(self, speaker: BaseComm, data: Any, buffers: Any) -> None:
        """To all pages what the explorer says; its parts have no page."""
        with SHARED:
            if self._pages and speaker is self.explorer.comm:
                frame = packed(data, buffers, _mark.get())
                for frames in self._pages:
                    frames.put(frame)

    def close(self) -> None:
        self.explorer.close()
        for frames in list(self._pages):
            self.leave(frames)


class _Comm(BaseComm):
    def __init__(self, audience: Audience, **opened: Any) -> None:
        self._audience = audience
        super().__init__(**opened)

    def publish_msg(
        self,
        msg_type: str,
        data: Any = None,
        metadata: Any = None,
        buffers: Any = None,
        **keys: Any,
    ) -> None:
        if msg_type == "comm_msg":
            self._audience.tell(self, data, buffers)


@contextmanager
def _comms_are(made: Callable[..., BaseComm]) -> Iterator[None]:
    """What widgets that open meanwhile talk by; `comm` is made to have it replaced."""
    before = comm.create_comm
    comm.create_comm = made
    try:
        yield
    finally:
        comm.create_comm = before
