"""`induction-explorer sweep`: score every head at every checkpoint, and keep the numbers."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from induction_kernels.errors import SelectionError
from induction_kernels.sizes import bytes_of

from induction_explorer.command.ends import end_with_faults, on_stderr
from induction_explorer.command.naming import names, series_named
from induction_explorer.command.options import AsJson, Run, SeriesName, Steps

if TYPE_CHECKING:
    import xarray


def sweep(
    series: SeriesName,
    *,
    store: Annotated[
        str,
        typer.Option(
            metavar="PLACE",
            help="Where the numbers are kept: a folder such as x.zarr, or s3://bucket/x.zarr.",
            show_default=False,
        ),
    ],
    scores: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Scores of heads; all that the model allows by default.",
            show_default=False,
        ),
    ] = None,
    measures: Annotated[bool, typer.Option(help="Losses of every checkpoint as well.")] = False,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT[=>ANSWER]",
            help="Keep what each checkpoint does with this prompt as well, to be shown without the "
            "model; may be given several times.",
            show_default=False,
        ),
    ] = None,
    steps: Steps = None,
    run: Run = None,
    refine: Annotated[
        str | None,
        typer.Option(
            metavar="N|third",
            help="Read only so many checkpoints, half of them where heads change.",
            show_default=False,
        ),
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Read again what could not be read before.")
    ] = False,
    device: Annotated[
        str | None, typer.Option(help="Such as cuda; cpu by default.", show_default=False)
    ] = None,
    disk: Annotated[
        str | None,
        typer.Option(
            metavar="20GB",
            help="What downloads may take on the disk at once; all that is free by default.",
            show_default=False,
        ),
    ] = None,
    keep_downloads: Annotated[
        bool,
        typer.Option("--keep-downloads", help="Leave what was downloaded in the cache."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Score every head at every checkpoint.

    Its numbers are kept as soon as a checkpoint is read. Ctrl-C, a crash or a lost machine lose at
    most the one in work: the same command goes on from there. Of a repository 16 checkpoints are
    read, of others all, unless --steps says otherwise. Ends with 1 where some could not be read.

    Example: induction-explorer sweep demo:attn-only-2l --store x.zarr --measures
    """
    from induction_kernels import sweep as swept

    try:
        with on_stderr():
            found = swept(
                series_named(series, steps=steps, run=run).to(device),
                names(scores),
                measures=measures,
                prompts=[_prompt(text) for text in prompt] if prompt else None,
                store=store,
                refine=_refine(refine),
                retry=retry,
                disk=None if disk is None else bytes_of(disk, "--disk"),
                keep_downloads=keep_downloads,
            )
    except KeyboardInterrupt as stopped:
        again = shlex.join(["induction-explorer", *sys.argv[1:]])
        raise KeyboardInterrupt(f"{stopped}\n\n    {again}".strip()) from None
    typer.echo(json.dumps(_summary(found, store)) if as_json else _report(found, store))
    end_with_faults(found.attrs["faults"], "The same command with --retry reads them again.")


def _refine(text: str | None) -> bool | int:
    if text is None:
        return False
    if text == "third":
        return True
    if text.isdecimal():
        return int(text)
    raise SelectionError(
        f"--refine {text} was given.", "Give a number of checkpoints, or third for a third of them."
    )


def _prompt(text: str) -> tuple[str, str]:
    """And its answer, as it stands: "A B A=> B"."""
    prompt, _, answer = text.partition("=>")
    return prompt, answer


def _of_kind(found: xarray.Dataset, kind: str) -> list[str]:
    return [str(name) for name, one in found.data_vars.items() if one.attrs["kind"] == kind]


def _summary(found: xarray.Dataset, store: str) -> dict[str, Any]:
    return {
        "series": found.attrs["series"],
        "store": store,
        "steps": found["step"].to_numpy().tolist(),
        "scores": _of_kind(found, "score"),
        "measures": _of_kind(found, "measure"),
        "faults": dict(one.split(": ", 1) for one in found.attrs["faults"]),
    }


def _report(found: xarray.Dataset, store: str) -> str:
    scores, measures = _of_kind(found, "score"), _of_kind(found, "measure")
    lines = [
        f"{store} holds {found.sizes['checkpoint']} checkpoints of {found.attrs['series']}: "
        f"{len(scores)} scores of {found.sizes['layer'] * found.sizes['head']} heads"
        + (f", {len(measures)} measures." if measures else ".")
    ]
    lines += [_best(found, name) for name in ("previous_token", "induction") if name in scores]
    lines += [
        "",
        "Look at it:   " + shlex.join(["induction-explorer", "show", store]),
        "As a table:   " + shlex.join(["induction-explorer", "export", store, "-o", "scores.csv"]),
    ]
    return "\n".join(lines)


def _best(found: xarray.Dataset, score: str) -> str:
    """The head in which a score ends highest."""
    last = found[score].isel(checkpoint=-1)
    where = {dim: int(index) for dim, index in last.argmax(["layer", "head"]).items()}
    return (
        f"Highest {score} at the end: L{where['layer']}H{where['head']}, {last[where].item():.3f}."
    )
