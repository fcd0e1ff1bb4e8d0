"""Windows without a notebook: what one test is done with, the next begins in."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, Page

#: What a window that is there can be told.
_TOLD: dict[str, Any] = {
    "viewport": {"width": 1280, "height": 720},
    "color_scheme": "light",
    "reduced_motion": "no-preference",
}


class Windows:
    """Chromium's, each with the options of a context (`Browser.new_context`) of its own.

    A process for a window, and compiling the widget there anew, cost more than most tests do in it.
    """

    def __init__(self, chrome: Browser) -> None:
        self._chrome = chrome
        self._blank: dict[tuple[tuple[str, Any], ...], list[Page]] = {}
        self._lent: list[tuple[Page, dict[str, Any]]] = []

    def new_page(self, **options: Any) -> Page:
        """A blank one, until `take_back` or `close`."""
        told = {name: options.get(name, usual) for name, usual in _TOLD.items()}
        fixed = {"device_scale_factor": 1} | options
        fixed = {name: value for name, value in fixed.items() if name not in _TOLD}
        blank = self._blank.get(_kind(fixed))
        page = blank.pop() if blank else self._chrome.new_context(**fixed).new_page()
        page.set_viewport_size(told.pop("viewport"))
        page.emulate_media(**told)
        self._lent.append((page, fixed))
        return page

    def take_back(self) -> None:
        """Those in use, to be used again, but for what no new window would have."""
        for page, fixed in self._lent:
            if page.is_closed() or page.context.pages != [page]:
                page.context.close()
                continue
            page.goto("about:blank")
            page.mouse.move(0, 0)
            self._blank.setdefault(_kind(fixed), []).append(page)
        self._lent = []

    def close(self) -> None:
        """Those in use: nobody knows what is wrong with them."""
        for page, _ in self._lent:
            page.context.close()
        self._lent = []


def _kind(fixed: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(fixed.items()))
