"""Arguments and options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

A_SERIES = (
    "demo:attn-only-2l (bundled), a folder of checkpoints, or a repository on the hub such as "
    "EleutherAI/pythia-70m."
)

SeriesName = Annotated[
    str,
    typer.Argument(
        metavar="SERIES",
        help=A_SERIES,
        show_default=False,
    ),
]

StoreOrSeries = Annotated[
    str,
    typer.Argument(
        metavar="STORE|SERIES",
        help=f"What sweep --store keeps, such as x.zarr; or a series: {A_SERIES}",
        show_default=False,
    ),
]

Steps = Annotated[
    str | None,
    typer.Option(
        metavar="log16|all|0,512,...",
        help="Which checkpoints: 16 evenly in log(step), all, or these steps.",
        show_default=False,
    ),
]

Run = Annotated[
    str | None,
    typer.Option(help="Which run, where a repository has several.", show_default=False),
]

AsJson = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON; progress stays on stderr.")
]
