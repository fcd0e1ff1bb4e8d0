"""What is wrong with a built site: what would be fetched from elsewhere, and links to nowhere.

External links are looked at by their syntax alone: nothing is fetched here either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: What a browser fetches by itself as it shows a page.
_FETCHED = {
    "script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src",
    "video": "src", "audio": "src", "embed": "src", "object": "data",
}  # fmt: skip
_IN_STYLE = re.compile(r"(?:url\(|@import\s+)\s*['\"]?(?P<address>(?:https?:)?//[^'\")\s]+)")
#: Relations of a <link> that are only named.
_NAMED = {"canonical", "alternate", "search", "index", "next", "prev", "author", "copyright"}


@dataclass
class _Page(HTMLParser):
    fetched: list[str] = field(default_factory=list)
    linked: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    styles: list[str] = field(default_factory=list)
    _in_style: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        self.anchors |= {has[name] for name in ("id", "name") if name in has}
        self._in_style = tag == "style"
        self.styles.append(has.get("style", ""))
        address = has.get(_FETCHED.get(tag, ""))
        if address and not (tag == "link" and _NAMED & set(has.get("rel", "").split())):
            self.fetched.append(address)
        elif tag in {"a", "area", "link"} and has.get("href"):
            self.linked.append(has["href"])

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.styles.append(data)


def faults(site: Path) -> list[str]:
    """One sentence a fault, for every page and style sheet under `site`."""
    pages = {path: _read(path) for path in sorted(site.rglob("*.html"))}
    found = [fault for path in pages for fault in _of_page(path, pages)]
    for sheet in sorted(site.rglob("*.css")):
        found += [f"{sheet.name} fetches {one}." for one in _foreign_in(sheet.read_text("utf-8"))]
    return found


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text("utf-8"))
    return page


def _of_page(path: Path, pages: dict[Path, _Page]) -> Iterator[str]:
    page = pages[path]
    for address in page.fetched:
        if _is_foreign(address):
            yield f"{path.name} fetches {address}."
        elif not address.startswith("data:") and (why := _missing(path, address, pages)):
            yield f"{path.name} shows {address}, {why}."
    for text in page.styles:
        for address in _foreign_in(text):
            yield f"{path.name} fetches {address}."
    for address in page.linked:
        why = _malformed(address) if _is_foreign(address) else _missing(path, address, pages)
        if why:
            yield f"{path.name} links to {address}, {why}."


def _foreign_in(style: str) -> list[str]:
    return [match["address"] for match in _IN_STYLE.finditer(style)]


def _malformed(address: str) -> str | None:
    parts = urlsplit(address)
    if parts.scheme == "mailto" or (parts.scheme == "https" and "." in parts.netloc):
        return "which has a space" if " " in address else None
    return "which is no https address"


def _is_foreign(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme not in {"", "data"}


def _missing(path: Path, address: str, pages: dict[Path, _Page]) -> str | None:
    """Why nothing of this site is at this address."""
    parts = urlsplit(address)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return "which is not there"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return "which has no such heading"
    return None
