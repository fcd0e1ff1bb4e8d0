"""`induction-explorer export`: a store or a series as a table, a figure or a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from induction_kernels.errors import InductionError, SelectionError, StoreError
from induction_kernels.sizes import in_words

from induction_explorer.command.ends import end_with_faults, on_stderr
from induction_explorer.command.figure import draw
from induction_explorer.command.naming import is_store, names, series_named
from induction_explorer.command.options import AsJson, Run, Steps, StoreOrSeries
from induction_explorer.command.table import as_csv, as_json_text, as_parquet, long_form

if TYPE_CHECKING:
    import xarray

_TABLES = {".csv": as_csv, ".json": as_json_text, ".parquet": as_parquet}
_FIGURES = (".svg", ".pdf", ".png")
_PAGE = ".html"


def export(
    source: StoreOrSeries,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to: a table (.csv, .json, .parquet), a figure (.svg, .pdf, .png) or a page "
            "that scrubs by itself (.html).",
            show_default=False,
        ),
    ],
    only: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="These scores and measures; by default all. Of a figure the one that is drawn.",
            show_default=False,
        ),
    ] = None,
    max_size: Annotated[
        str, typer.Option(metavar="5MB", help="Of a page: what does not fit is left out.")
    ] = "5MB",
    steps: Steps = None,
    run: Run = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the numbers as a table or a figure, or the explorer as a page.

    A table has one number a row: name (of a score or a measure), step, tokens, layer, head,
    position, row, value; what does not apply is empty. A figure has the curve of one score of
    every head, or of one measure. A page is one file that scrubs and hovers without a kernel and
    without a network. A series that was not swept yet is computed first.

    Example: induction-explorer export x.zarr -o induction.csv --only induction
    """
    kind = output.suffix.lower()
    if kind not in (*_TABLES, *_FIGURES, _PAGE):
        raise SelectionError(
            f"A file {output.name} would be of no kind that is known.",
            f"Give one that ends with {', '.join((*_TABLES, *_FIGURES, _PAGE))}.",
        )
    if output.exists() and not force:
        raise SelectionError(f"{output} is there already.", "--force replaces it.")
    if kind == _PAGE:
        _write_page(source, output, max_size, only, steps, run, as_json=as_json)
        return
    with on_stderr():
        found = _numbers(source, names(only), steps, run)
    partial = output.with_name(output.name + ".partial")
    try:
        if kind in _TABLES:
            table = long_form(found)
            _TABLES[kind](table, found, partial)
            said = f"{len(table):,} numbers"
        else:
            said = draw(found, kind.removeprefix("."), partial)
        partial.replace(output)
    except OSError as error:
        raise InductionError(
            f"{output} cannot be written: {error.strerror or error}.", "Give another place."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    answer = {"output": str(output), "series": found.attrs["series"]}
    typer.echo(json.dumps(answer) if as_json else f"{output}: {said} of {answer['series']}.")
    end_with_faults(found.attrs["faults"], "They are gaps.")


def _write_page(
    source: str,
    output: Path,
    max_size: str,
    only: str | None,
    steps: str | None,
    run: str | None,
    *,
    as_json: bool,
) -> None:
    if only is not None:
        raise SelectionError("--only was given for a page.", "A page has all scores and measures.")
    from induction_explorer.explorer import InductionExplorer

    with on_stderr():
        explorer = (
            InductionExplorer.from_store(source)
            if is_store(source)
            else InductionExplorer(series_named(source, steps=steps, run=run))
        )
        try:
            explorer.wait()
            explorer.to_html(output, max_size)
            said = explorer.scores().attrs
        finally:
            explorer.close()
    answer = {"output": str(output), "series": said["series"]}
    size = in_words(output.stat().st_size)
    typer.echo(json.dumps(answer) if as_json else f"{output}: {size} of {said['series']}.")
    end_with_faults(said["faults"], "They are gaps.")


def _numbers(
    source: str, only: list[str] | None, steps: str | None, run: str | None
) -> xarray.Dataset:
    """What a store holds, or is computed of a series: of these names."""
    if not is_store(source):
        from induction_kernels import MEASURES, sweep

        series = series_named(source, steps=steps, run=run)
        measured = [name for name in only or () if name in MEASURES]
        scored = [name for name in only or () if name not in MEASURES]
        if only is None or scored:
            return sweep(series, scored or None, measures=True if only is None else measured)
        from induction_kernels import measures

        return measures(series)[measured]
    from induction_kernels.sweeps.stored import Stored

    store = Stored(source)
    if not store.exists:
        raise StoreError(
            f"There is no store of a sweep at {source}.",
            "induction-explorer sweep SERIES --store PLACE makes one.",
        )
    found = store.dataset()
    unknown = [name for name in only or () if name not in found.data_vars]
    if unknown:
        raise SelectionError(
            f"{source} does not hold {unknown[0]!r}.",
            f"It holds {', '.join(map(str, found.data_vars))}.",
        )
    return found if only is None else found[only]
