"""What furo leaves out of its pages for readers of screens."""

from __future__ import annotations

_AMENDED = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="Pages">',
    '<aside class="toc-drawer">': '<aside class="toc-drawer" aria-label="On this page">',
    '<th class="head"><p></p></th>': "<td></td>",
}


def amended(page: str) -> str:
    """Levels of headings, names of landmarks, and no header of a table that is empty."""
    for given, wanted in _AMENDED.items():
        page = page.replace(given, wanted)
    return page
