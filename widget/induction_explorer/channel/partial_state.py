"""A widget whose state is small: what it computed is left out and asked for.

A page that is loaded again gets the states of all widgets in one message, of which 1 MiB is the
limit. js/src/kernel/whole.ts asks for the rest of each.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import anywidget
import traitlets

from induction_explorer.channel.worker import SHARED

#: Each state without what was computed has another number.
_BEHIND = itertools.count(1)


class PartialState(anywidget.AnyWidget):
    """Tells a new page all that it is, and a page that is loaded again what is small.

    Attributes:
        computed: the traits that are left out.
    """

    computed: ClassVar[tuple[str, ...]] = ()
    _behind = traitlets.Int().tag(sync=True)
    _is_whole = False
    _is_silent = False

    def bring_up_to_date(self) -> None:
        """Set what was computed, where a subclass tells its pages in smaller pieces."""

    def open(self) -> None:
        """Meet the page."""
        with self._in_whole():
            super().open()

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """The state, but for what was computed unless it is named."""
        whole = key is not None or self._is_whole
        small = [name for name in self.keys if name not in self.computed]
        state: dict[str, Any] = super().get_state(key if whole else small, drop_defaults)
        return state if whole else state | {"_behind": next(_BEHIND)}

    def send_state(self, key: Any = None) -> None:
        super().send_state(self.keys if key is None else key)

    def _get_embed_state(self, drop_defaults: bool = False) -> dict[str, Any]:
        """With defaults: the page knows none, and the module it is drawn by is one."""
        with self._in_whole():
            state: dict[str, Any] = super()._get_embed_state(drop_defaults=False)
        return state

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        if content.get("kind") == "state":
            with self._in_whole():
                for name in (*self.computed, "_behind"):
                    self.send_state(name)
        super()._handle_custom_msg(content, buffers)

    def _should_send_property(self, key: str, value: Any) -> bool:
        return not self._is_silent and super()._should_send_property(key, value)

    @contextmanager
    def _in_whole(self) -> Iterator[None]:
        """Everything, as it is now, is in the state; who asked for it is told, and nobody else."""
        with SHARED:
            self._is_silent = True
            try:
                self.bring_up_to_date()
            finally:
                self._is_silent = False
            self._is_whole = True
            try:
                yield
            finally:
                self._is_whole = False
