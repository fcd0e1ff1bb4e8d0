"""`induction-explorer check`: are checkpoints what their names say?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from induction_explorer.command.ends import End, on_stderr
from induction_explorer.command.naming import series_named
from induction_explorer.command.options import AsJson, Run, SeriesName, Steps

if TYPE_CHECKING:
    import pandas as pd


def check(
    series: SeriesName,
    *,
    weights: Annotated[
        bool, typer.Option("--weights", help="Load each as well: do they lie where others say?")
    ] = False,
    steps: Steps = None,
    run: Run = None,
    as_json: AsJson = False,
) -> None:
    """Are checkpoints what their names say?

    Compares the hashes of their files, of a repository's without downloading them: copies of the
    final model, twins, missing shards, labels out of order. All checkpoints, unless --steps says
    otherwise. Ends with 1 where there are faults, or checkpoints that nobody can be asked about.

    Example: induction-explorer check EleutherAI/pythia-2.8b
    """
    with on_stderr():
        found = series_named(series, steps=steps, run=run, of_hub="all")
        table = found.check(weights=weights)
    counts = {
        status: int((table["status"] == status).sum()) for status in ("fault", "note", "unknown")
    }
    if as_json:
        rows = json.loads(table.to_json(orient="records"))
        typer.echo(
            json.dumps({"series": found.name, "faults": counts["fault"], "checkpoints": rows})
        )
    else:
        typer.echo(_aligned(table))
        unknown = f", {counts['unknown']} unknown" if counts["unknown"] else ""
        typer.echo(
            f"{found.name}: {len(table)} checkpoints, {counts['fault']} faults, "
            f"{counts['note']} notes{unknown}."
        )
    if counts["fault"] or counts["unknown"]:
        raise typer.Exit(End.FAULTS)


def _aligned(table: pd.DataFrame) -> str:
    """Columns as wide as they need be; the last, a sentence, as long as it is."""
    label, status = (max(map(len, table[column])) for column in ("label", "status"))
    lines = [
        f"{row.label:<{label}}  {row.status:<{status}}  {row.reason}".rstrip()
        for row in table.itertuples()
    ]
    return "\n".join(lines)
