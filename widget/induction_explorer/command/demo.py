"""`induction-explorer demo`: the explorer of the bundled series, in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from induction_explorer.command.options import AsJson
from induction_explorer.command.serve import Browser, Host, Port, serve

if TYPE_CHECKING:
    from induction_explorer import InductionExplorer


def demo(
    *,
    browser: Browser = True,
    port: Port = 0,
    host: Host = "127.0.0.1",
    as_json: AsJson = False,
) -> None:
    """Show the bundled series in the browser.

    Three small transformers of one, two and three layers, at every checkpoint of their training.
    Nothing is downloaded. Ctrl-C ends it.

    Example: induction-explorer demo
    """
    serve(_bundled, host=host, port=port, browser=browser, as_json=as_json)


def _bundled() -> InductionExplorer:
    """Beginning with the smallest in which induction heads form."""
    from induction_kernels.demo import DEMOS, load_demo

    from induction_explorer import InductionExplorer

    return InductionExplorer([load_demo(name) for name in DEMOS], series=1, play=True)
