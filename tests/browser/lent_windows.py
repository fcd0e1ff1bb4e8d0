"""Windows without a notebook: what one test is done with, the next of its kind begins in."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize

_USUAL: ViewportSize = {"width": 1280, "height": 720}


class Windows:
    """Chromium's, each with the options of a context (`Browser.new_context`) of its own.

    A process for a window, and compiling the widget there anew, cost more than most tests do in it.
    """

    def __init__(self, chrome: Browser) -> None:
        self._chrome = chrome
        self._blank: dict[str, list[Page]] = {}
        self._lent: list[tuple[Page, dict[str, Any]]] = []

    def new_page(self, **options: Any) -> Page:
        """A blank one, until `take_back` or `close`."""
        blank = self._blank.get(_kind(options))
        page = blank.pop() if blank else self._chrome.new_context(**options).new_page()
        self._lent.append((page, options))
        return page

    def take_back(self) -> None:
        """Those in use, to be used again, but for what no new window would have."""
        for page, options in self._lent:
            if page.is_closed() or page.context.pages != [page]:
                page.context.close()
                continue
            page.goto("about:blank")
            page.set_viewport_size(options.get("viewport", _USUAL))
            page.emulate_media(
                color_scheme=options.get("color_scheme", "light"),
                reduced_motion=options.get("reduced_motion", "no-preference"),
            )
            page.mouse.move(0, 0)
            self._blank.setdefault(_kind(options), []).append(page)
        self._lent = []

    def close(self) -> None:
        """Those in use: nobody knows what is wrong with them."""
        for page, _ in self._lent:
            page.context.close()
        self._lent = []


def _kind(options: dict[str, Any]) -> str:
    return repr(sorted(options.items()))
