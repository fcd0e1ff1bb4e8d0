"""A page without a network that is to keep silent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page


@contextmanager
def silent(chrome: Browser, file: Path, **context: Any) -> Iterator[Page]:
    """Whatever it asks for beside itself is a fault, and so is whatever it says.

    Args:
        context: of Chromium, such as its viewport.
    """
    opened = chrome.new_context(offline=True, **context)
    page, said = opened.new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: said.append(request.url))
    page.goto(file.as_uri())
    yield page
    known = (file.as_uri(), "blob:", "data:")
    assert [one for one in said if not one.startswith(known)] == []
    opened.close()
