"""A series times what is measured of each checkpoint."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.checkpoints.coordinates import along_training
from induction_kernels.checkpoints.walk import Walk, walk
from induction_kernels.errors import CheckpointError, SelectionError
from induction_kernels.inputs.texts import Texts
from induction_kernels.scores.own.given import Scores
from induction_kernels.sweeps.cluster import fill_on
from induction_kernels.sweeps.doubts import check_names, findings, keep_findings
from induction_kernels.sweeps.downloads import Downloads
from induction_kernels.sweeps.filling import fill, left
from induction_kernels.sweeps.measuring import Asked, Measuring
from induction_kernels.sweeps.own import as_attrs, said_of, warn_of
from induction_kernels.sweeps.store import Store

if TYPE_CHECKING:
    import xarray
    from distributed import Client


def sweep(
    series: CheckpointSeries,
    scores: Scores = None,
    *,
    measures: Iterable[str] | str | bool | None = None,
    texts: Texts | None = None,
    store: str | Path | None = None,
    retry: bool = False,
    refine: bool | int = False,
    client: Client | None = None,
    keep_downloads: bool = False,
    disk: int | None = None,
    seed: int = 0,
    prompts: Iterable[str | tuple[str, str]] | str | None = None,
    head_pages: Iterable[tuple[int, int]] | bool | None = None,
    progress: bool = True,
) -> xarray.Dataset:
    """Scores of every head at every checkpoint, and measures, on the same tokens throughout.

    With a store, each checkpoint is kept as soon as it is read. The same call again, whatever
    stopped it, reads what is not there yet: checkpoints, scores or measures. Several processes may
    sweep into one store.

    Args:
        series: read through a model of its own; what `series.load` gave stays as it is.
        scores: names from `induction_kernels.SCORES`; None for all that the model allows. Beside
            names your own: arrays and datasets with dims (checkpoint, layer, head) or (layer,
            head), functions (model, probe) -> [layer, head], `attention_score(...)`; one, a list,
            or a dict by name. docs/own-score.md has more.
        measures: names from `induction_kernels.MEASURES`, or True for all; none by default, unless
            there are texts.
        texts: what losses are measured, and heads read, on: strings, a column of a dataset, or
            token ids [row, pos]; by default held-out text of the bundled series.
        store: a folder such as "x.zarr", or where else zarr can write: "s3://bucket/x.zarr".
        retry: read again what could not be read before; otherwise the store's word is taken.
        refine: read only so many checkpoints, or with True a third of them: half of them spaced
            evenly in the logarithm of steps, the others around the change that shows in these. The
            dataset has those alone. Needs a store.
        client: of a Dask cluster whose workers read the checkpoints, each a task, and write into
            the store, which all of them can reach. Not with refine.
        keep_downloads: leave what is downloaded in the cache. Otherwise the weights of each
            checkpoint are removed as soon as they were read, so that one lies on the disk at a
            time; what was there before stays.
        disk: bytes that downloads may take on the disk at once, on that of each worker with a
            client; otherwise what is free. A line says before anything is downloaded how many they
            will, and how many come in all.
        seed: of the probes' random tokens.
        prompts: texts, or pairs of a text and its answer, as they stand (" C"), of which the store
            keeps the attention of all heads, the likeliest next tokens and the loss at each
            checkpoint: `InductionExplorer.from_store` shows them without a model. Four bytes a
            head and cell of the lower triangle; they are not in the dataset that is returned.
            Needs a store.
        head_pages: (layer, head) pairs, or True for all heads, of which the store keeps what they
            attend to over the texts at each checkpoint, as `head_pages` finds it of one model. 72
            bytes a token of the 14 rows that are shown of a head, half a megabyte by default; a
            line says how much it is. Needs a store.
        progress: show a progress bar, and that line.

    Returns:
        xarray.Dataset with a float32 variable a score, (checkpoint, layer, head), and a measure,
        (checkpoint,), (checkpoint, position) or (checkpoint, row), and coordinates step, tokens
        (NaN where unknown) and tokens_estimated along checkpoint. A checkpoint that cannot be
        read is NaN, named in a warning and in the attribute `faults`; the others stand. So is one
        at which your own function fails, in the attribute `faults` of that score alone. What
        `series.check()` found is in the attribute `findings`; of checkpoints on a hub, their
        hashes are compared for it.

    Raises:
        SelectionError: a score or a measure that does not exist, a score of your own that is
            called as another, has other heads or no checkpoint of the series, what is no prompt or
            no head, or one checkpoint is larger than `disk`.
        PromptError: a prompt that the model cannot run.
        ProbeError: text is needed, and the model has no tokenizer or cannot read it.
        CheckpointError: not one checkpoint could be read, or there is no room to download one.
        StoreError: the store holds another model's or probe's numbers; says what differs. Or it
            cannot be written, or read.
    """
    asked = Asked(scores, measures, texts, seed, prompts, head_pages)
    downloads = Downloads(keep_downloads, disk)
    if store is not None:
        if client is None:
            read = partial(fill, refine=refine)
        elif refine is False:
            read = partial(fill_on, client)
        else:
            raise SelectionError(
                "refine= and client= were given.",
                "What is looked at closer depends on what was found: leave out one.",
            )
        kept = Store(store)
        check_names(series, progress=progress)
        read = partial(read, downloads=downloads, progress=progress)
        return _into(kept, series, asked, read, retry=retry)
    needing = {
        "retry": retry,
        "refine": refine,
        "client": client,
        "prompts": prompts,
        "head_pages": head_pages,
    }
    for name, given in needing.items():
        if given not in (False, None):
            raise SelectionError(
                f"{name}= was given without store=.", 'Give a place: store="x.zarr".'
            )
    check_names(series, progress=progress)
    downloads.announce(series, range(len(series)), progress=progress)
    swept = walk(
        series,
        lambda model: Measuring(model, asked, series),
        done="scored",
        passing=not keep_downloads,
        bare=not asked.calls_functions,
        progress=progress,
    )
    found = _in_memory(swept, asked)
    warn_of(found)
    return found


def _in_memory(swept: Walk[Measuring], asked: Asked) -> xarray.Dataset:
    import xarray

    for index, read in swept.readings.items():
        swept.reader.add_given(read, swept.series[index], asked.every)
    labels = swept.series.labels
    read_at = [(labels[index], one) for index, one in swept.readings.items()]
    contents = swept.reader.contents(swept.model, swept.series.name)
    return xarray.Dataset(
        {
            one.name: (
                ("checkpoint", *one.dims),
                swept.along(itemgetter(one.name)),
                {**one.attrs, **as_attrs(said_of(one.name, read_at), labels)},
            )
            for one in contents.variables
        },
        coords={
            "checkpoint": range(len(swept.series)),
            **along_training(list(swept.series)),
            **contents.coords,
        },
        attrs={
            **contents.attrs,
            **contents.notes,
            **swept.reader.notes,
            "faults": swept.faults,
            "findings": [f"{label}: {why}" for label, _, why in findings(swept.series)],
        },
    )


def _into(
    store: Store,
    series: CheckpointSeries,
    asked: Asked,
    read: Callable[..., None],
    *,
    retry: bool,
) -> xarray.Dataset:
    """What the store lacks, checkpoint by checkpoint, and then what it holds."""
    try:
        read(store, series, asked, retry=retry)
    except KeyboardInterrupt:
        done = len(series) - len(left(store, series, asked, retry=False))
        raise KeyboardInterrupt(
            f"Stopped with {done} of {len(series)} checkpoints in {store.place}; "
            "the same call goes on from there."
        ) from None
    store.refresh()
    keep_findings(store, series)
    found = store.dataset(series)
    faults = found.attrs["faults"]
    if len(faults) == len(series):
        raise CheckpointError(
            f"No checkpoint of {series.name} could be scored.", f"{faults[0]} (retry=True)"
        )
    if faults:
        warnings.warn(
            "Checkpoints left out (NaN), which retry=True reads again: " + "; ".join(faults),
            stacklevel=3,
        )
    found = found[[name for name in found.data_vars if name in asked.names]]
    warn_of(found)
    return found
