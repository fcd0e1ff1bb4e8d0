"""A page of an explorer until Ctrl-C: what `show` and `demo` have in common."""

from __future__ import annotations

import json
import signal
import webbrowser
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from induction_explorer import InductionExplorer

Browser = Annotated[bool, typer.Option(help="Open the page in a browser.")]
Port = Annotated[int, typer.Option(help="Of the page; 0 for a free one.")]
Host = Annotated[
    str, typer.Option(help="Address to serve on; 0.0.0.0 lets other machines in, with the token.")
]


def serve(
    make: Callable[[], InductionExplorer], *, host: str, port: int, browser: bool, as_json: bool
) -> None:
    """Serve the explorer that `make` makes, which may take a while; Ctrl-C and SIGTERM end it.

    Raises:
        InductionError: it cannot be made, or not be served there.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    typer.echo("Starting …", err=True)
    from induction_explorer.page.server import serving

    with serving(make, host, port) as page:
        if as_json:
            typer.echo(json.dumps({"address": page.address}))
        else:
            typer.echo(f"\nThe explorer is at\n\n    {page.address}\n\nCtrl-C stops it.")
        if browser and not webbrowser.open(page.address):
            typer.echo("No browser could be opened; open the address yourself.", err=True)
        try:
            page.run()
        except KeyboardInterrupt:
            typer.echo("\nStopped.", err=True)
