"""The picture as an output of its own, below the explorer's: hidden where the explorer is drawn.

An explorer that is displayed is drawn at once, before its scores are there; once they are, its own
output cannot be replaced without drawing it anew, under the reader's hands. An output beside it
can. A page that draws the explorer hides it by its class (js/src/ui/picture.tsx).
"""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import Any

from IPython import get_ipython

from induction_explorer.export.picture.whole import Picture


class PictureOutput:
    """Of one explorer, wherever it is displayed.

    Attributes:
        name: of its class; no other on a page has it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._sent: dict[str, str] | None = None

    def leave(self, picture: Picture | None) -> None:
        """Below what the cell that runs displays; empty for now where there is none yet."""
        self._sent = self._bundle(picture)
        self._publish(update=False)

    def renew(self, picture: Picture) -> None:
        """Wherever it was left."""
        bundle = self._bundle(picture)
        if self._sent is not None and bundle != self._sent:
            self._sent = bundle
            self._publish(update=True)

    def _bundle(self, picture: Picture | None) -> dict[str, str]:
        """HTML, which GitHub and a notebook that is not trusted show as well; they leave an SVG out
        that is an output itself, or an element."""
        if picture is None:
            return {"text/html": f'<span class="{self.name}"></span>', "text/plain": ""}
        data = b64encode(picture.svg.encode()).decode()
        image = (
            f'<img class="{self.name}" style="max-width: 100%" alt="{escape(picture.said)}" '
            f'src="data:image/svg+xml;base64,{data}">'
        )
        return {"text/html": image, "text/plain": picture.said}

    def _publish(self, *, update: bool) -> None:
        shell: Any = get_ipython()
        if shell is not None:
            shell.display_pub.publish(
                self._sent, metadata={}, transient={"display_id": self.name}, update=update
            )
