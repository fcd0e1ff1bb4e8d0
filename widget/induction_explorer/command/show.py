"""`induction-explorer show`: the explorer of a store or a series, in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from induction_explorer.command.naming import is_store, series_named
from induction_explorer.command.options import AsJson, Run, Steps, StoreOrSeries
from induction_explorer.command.serve import Browser, Host, Port, serve

if TYPE_CHECKING:
    from induction_explorer import InductionExplorer


def show(
    shown: StoreOrSeries,
    *,
    steps: Steps = None,
    run: Run = None,
    browser: Browser = True,
    port: Port = 0,
    host: Host = "127.0.0.1",
    as_json: AsJson = False,
) -> None:
    """Show a store or a series in the browser.

    A store opens at once, without its model, and is followed while a sweep fills it. A series is
    loaded, and computed while you look: patterns, predictions, ablations. Ctrl-C ends it.

    Example: induction-explorer show x.zarr
    """

    def explorer() -> InductionExplorer:
        from induction_explorer import InductionExplorer

        if is_store(shown):
            return InductionExplorer.from_store(shown)
        return InductionExplorer(series_named(shown, steps=steps, run=run))

    serve(explorer, host=host, port=port, browser=browser, as_json=as_json)
