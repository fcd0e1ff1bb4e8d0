"""A copy of an explorer as the output of a cell."""

from __future__ import annotations

import html
from dataclasses import dataclass


@dataclass(frozen=True)
class Snapshot:
    """A page in a frame of its own, in which it can do nothing but draw and save figures.

    Attributes:
        text: of the page.
    """

    text: str

    def _repr_html_(self) -> str:
        # Whatever the page around it is written in, the script's bytes are those that were hashed.
        text = html.escape(self.text).encode("ascii", "xmlcharrefreplace").decode()
        return (
            '<iframe title="Induction Explorer" sandbox="allow-scripts allow-downloads" '
            'style="width: 100%; height: 900px; border: 0" '
            f'srcdoc="{text}"></iframe>'
        )
