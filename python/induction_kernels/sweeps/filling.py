"""What a store lacks of a series, filled in checkpoint by checkpoint."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.checkpoints.checkpoint import Checkpoint
from induction_kernels.checkpoints.fingerprints import differ
from induction_kernels.checkpoints.progress import say
from induction_kernels.checkpoints.walk import OF_THE_CALLER, visit
from induction_kernels.errors import CheckpointError, InductionError, StoreError
from induction_kernels.models.model import Model
from induction_kernels.sizes import in_words
from induction_kernels.sweeps.access import folder_of
from induction_kernels.sweeps.doubts import keep_findings
from induction_kernels.sweeps.downloads import Downloads
from induction_kernels.sweeps.measuring import Asked, Measuring
from induction_kernels.sweeps.plan import allowed, refined
from induction_kernels.sweeps.store import Store

if TYPE_CHECKING:
    import xarray

    from induction_kernels.sweeps.contents import Found

#: Files, or lists of a hub, that are looked at together.
_AT_ONCE = 8


def left(store: Store, series: CheckpointSeries, asked: Asked, *, retry: bool) -> list[int]:
    """The checkpoints of which the store lacks something that was asked for.

    Args:
        retry: also those that could not be read before.
    """
    unfit = {one.split(":")[0] for one in store.attrs.get("left_out", ())}
    names = [name for name in asked.names if asked.scores is not None or name not in unfit]
    names += asked.names_of_pages(store.every_head)
    given_up = {} if retry else store.faults()
    lacking = zip(series, store.lacks(list(series), names), strict=True)
    return [i for i, (one, some) in enumerate(lacking) if some and one.label not in given_up]


def refuse_other_weights(store: Store, series: CheckpointSeries) -> None:
    """Of checkpoints that are in a store, those of the same name here must hold the same weights.
    Nothing is loaded to see it.

    Raises:
        StoreError: they do not: it was another training run.
    """
    kept = store.fingerprints()
    known = [index for index, one in enumerate(series) if kept.get(one.label)]
    with ThreadPoolExecutor(_AT_ONCE) as askers:
        here = dict(zip(known, askers.map(series.fingerprint, known), strict=True))
    others = [series[i] for i, found in here.items() if differ(found, kept[series[i].label])]
    if not others:
        return
    lacking = store.lacks(others, store.names)
    unread = [
        one for one, some in zip(others, lacking, strict=True) if len(some) == len(store.names)
    ]
    store.forget_fingerprints(unread)  # of processes that were killed before their first number
    labels = [one.label for one in others if one not in unread]
    if labels:
        more = f" and {len(labels) - 4} more" if len(labels) > 4 else ""
        raise StoreError(
            f"{store.place} holds another run: the weights of {', '.join(labels[:4])}{more} are "
            "not those that were read.",
            "Give this one a place of its own, or remove what is there.",
        )


def fill(
    store: Store,
    series: CheckpointSeries,
    asked: Asked,
    *,
    retry: bool,
    refine: bool | int,
    downloads: Downloads,
    progress: bool,
) -> None:
    """Read what the store lacks. Where that is nothing, one checkpoint is loaded all the same, to
    see that the store is this model's.

    Raises:
        SelectionError: `refine` is no number of checkpoints, or what was asked for shows no change.
        CheckpointError: not one checkpoint can be read, and the store has none; or there is no room
            for what has to be downloaded.
        StoreError: the store is another's, or cannot be written.
    """
    refuse_other_weights(store, series)
    if retry:
        store.forget_unread(list(series), asked.own)
    filling = Filling(store, series, asked, say_sizes=progress)
    missing = left(store, series, asked, retry=retry)
    to_load = missing or [len(series) - 1]
    with contextlib.closing(filling):
        if refine is not False:
            count = allowed(len(series), refine)
            downloads.announce(series, to_load, count=count, progress=progress)
            visit(
                series,
                _closer(store, series, asked, filling, retry=retry, refine=refine),
                filling.read,
                filling.miss,
                wanted=filling.wanted,
                passing=not downloads.keep,
                bare=not asked.calls_functions,
                progress=progress,
                total=count,
            )
        else:
            downloads.announce(series, to_load, progress=progress)
            visit(
                series,
                [to_load],
                filling.read,
                filling.miss if missing else lambda index, error: None,
                wanted=filling.wanted,
                passing=not downloads.keep,
                bare=not asked.calls_functions,
                progress=progress and bool(missing),
                there=len(series) - len(missing),
            )
        filling.end()


def _closer(
    store: Store,
    series: CheckpointSeries,
    asked: Asked,
    filling: Filling,
    *,
    retry: bool,
    refine: bool | int,
) -> Iterator[list[int]]:
    """First the whole of training, then where it changes; each as far as the store lacks it."""

    def found(checkpoints: Sequence[Checkpoint]) -> xarray.Dataset:
        filling.settle()
        store.refresh()
        return store.dataset(checkpoints)

    for plan in refined(list(series), refine, found):
        filling.expect(plan)
        missing = left(store, series, asked, retry=retry)
        yield [index for index in plan if index in missing] or plan[-1:]


class Filling:
    """Reads checkpoints of a series into a store.

    Args:
        say_sizes: say, before the first is read, how much of the store pages of heads will take.
    """

    def __init__(
        self, store: Store, series: CheckpointSeries, asked: Asked, *, say_sizes: bool = False
    ) -> None:
        self._store, self._series, self._asked = store, series, asked
        self._say_sizes = say_sizes
        self._measuring: Measuring | None = None
        self._expected = list(series)
        self._lacking: dict[int, list[str]] = {}
        self._on_disk = folder_of(store.place) is not None
        self._writing: Future[None] | None = None
        self._noted: Mapping[str, str] = {}
        #: Faults of checkpoints before the first that could be loaded.
        self._first: dict[int, InductionError] = {}

    def expect(self, indices: Sequence[int]) -> None:
        """Only these get rows in the store, beside what is there; all of the series by default."""
        self.settle()
        self._expected = [self._series[index] for index in indices]
        if self._measuring is not None:
            self._store.hold(self._expected)

    def wanted(self, index: int) -> bool:
        """Whether something of a checkpoint is not there yet: others write, too. The first is
        wanted in any case, to see that the store is this model's."""
        if self._measuring is None:
            return True
        self._lacking = {index: self._lacks(self._measuring, index)}
        return bool(self._lacking[index])

    def _lacks(self, measuring: Measuring, index: int) -> list[str]:
        (lacking,) = self._store.lacks([self._series[index]], measuring.names)
        return lacking

    def read(self, index: int, model: Model) -> None:
        """Keeps what it finds; elsewhere than on a disk, on a thread beside while the next is read,
        which `settle` waits for."""
        measuring = self._measuring or self._begin(model)
        lacking = self._lacking.pop(index, None) or self._lacks(measuring, index)
        if lacking:
            found = measuring(model, lacking)
            measuring.add_given(found, self._series[index], lacking)
            self.settle()
            self._note(measuring.notes)
            if self._on_disk:  # where to hand it over takes longer
                self._keep(index, found)
            else:
                self._writing = _writer().submit(self._keep, index, found)

    def _note(self, notes: Mapping[str, str]) -> None:
        """What is the same of one checkpoint after another is said once."""
        if notes != self._noted:
            self._store.note(notes)
            self._noted = notes

    def _keep(self, index: int, found: Found) -> None:
        self._store.write(self._series[index], found, self._series.fingerprint(index))
        self._store.say_of_own(self._series[index], found, self._asked.own)

    def attempt(self, index: int) -> InductionError | None:
        """Load, read and keep a checkpoint; why it could not be, if nothing is wrong but with it.

        Raises:
            SelectionError, ProbeError, PromptError, StoreError: no other would do.
        """
        try:
            self.read(index, self._series.model(index))
            self.settle()
        except OF_THE_CALLER:
            raise
        except InductionError as error:
            return error
        return None

    def settle(self) -> None:
        """What was found is kept now.

        Raises:
            StoreError: it cannot be.
        """
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    close = settle

    def _begin(self, model: Model) -> Measuring:
        measuring = Measuring(model, self._asked, self._series)
        contents = measuring.contents(model, self._series.name)
        self._store.hold(self._expected, contents)
        pages = sum(one.size for one in contents.variables if one.attrs["kind"] == "page")
        if pages and self._say_sizes:
            say(f"Pages of heads: {in_words(pages)} of {self._store.place} a checkpoint.")
        keep_findings(self._store, self._series)
        self._measuring = measuring
        self._write_first()
        return measuring

    def miss(self, index: int, error: InductionError) -> None:
        self.settle()
        if self._measuring is None:
            self._first[index] = error
        else:
            self._store.write_fault(self._series[index], str(error))

    def end(self) -> None:
        self.settle()
        if not self._first:
            return
        if not self._store.exists:
            index, error = next(iter(self._first.items()))
            raise CheckpointError(
                f"No checkpoint of {self._series.name} could be scored.",
                f"{self._series[index].label}: {error}",
            )
        self._store.hold(self._expected)
        self._write_first()

    def _write_first(self) -> None:
        for index, error in self._first.items():
            self._store.write_fault(self._series[index], str(error))
        self._first = {}


@cache
def _writer() -> ThreadPoolExecutor:
    """One thread, so that what is found of one checkpoint is kept while the next is loaded."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="induction-store")
