"""What a sweep will download, and how much of it lies on the disk at once: told beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.checkpoints.progress import say
from induction_kernels.errors import CheckpointError, SelectionError
from induction_kernels.sizes import in_words
from induction_kernels.whole_numbers import whole_number

#: Lists that are asked of a hub at the same time.
_AT_ONCE = 8


@dataclass(frozen=True)
class Downloads:
    """How downloads use the disk.

    Attributes:
        keep: they stay in the cache. Otherwise each checkpoint's weights are removed as soon as
            they were read, but for those that lay there before.
        disk: bytes that they may take at once, in each process; None for what is free.

    Raises:
        SelectionError: a budget that is no number of bytes.
    """

    keep: bool = False
    disk: int | None = None

    def __post_init__(self) -> None:
        if self.disk is not None and whole_number(self.disk, 0) is None:
            raise SelectionError(
                f"disk={self.disk!r} was given.", "Give a whole number of bytes: 20 * 10**9."
            )

    def announce(
        self,
        series: CheckpointSeries,
        indices: Sequence[int],
        *,
        count: int | None = None,
        elsewhere: bool = False,
        progress: bool = True,
    ) -> None:
        """Say what will be downloaded, if anything is.

        Args:
            indices: which checkpoints may be read.
            count: how many of these at most; None for all.
            elsewhere: by the workers of a cluster, on disks of their own.

        Raises:
            SelectionError: it is more than may lie on the disk.
            CheckpointError: there is no room for it.
        """
        room = series.room()
        if room is None:
            return
        sizes = _sizes(series, indices)
        largest = sorted(sizes, key=lambda index: sizes[index])[-count if count else 0 :]
        total = sum(sizes[index] for index in largest)
        if not total:
            return
        at_once = total if self.keep else sizes[largest[-1]]
        what = "All" if self.keep else series[largest[-1]].label
        if self.disk is not None and at_once > self.disk:
            raise SelectionError(
                f"{what} of {series.name} is {in_words(at_once)} to download, and "
                f"disk={self.disk:,} lets {in_words(self.disk)} lie on the disk.",
                self._hint("Give a larger disk="),
            )
        if not elsewhere and at_once > room:
            raise CheckpointError(
                f"{what} of {series.name} is {in_words(at_once)} to download, and there is room "
                f"for {in_words(room)}.",
                self._hint("Free some, or give from_hub(..., cache_dir=...) on a larger disk"),
            )
        if progress:
            of = sum(sizes[index] > 0 for index in largest)
            where = " of each worker" if elsewhere else ""
            say(
                f"{series.name}: {in_words(total)} to download for {of} checkpoints, "
                f"at most {in_words(at_once)} on the disk{where} at once."
            )

    def _hint(self, hint: str) -> str:
        return f"{hint}{', or leave out keep_downloads=True' if self.keep else ''}."


def _sizes(series: CheckpointSeries, indices: Sequence[int]) -> dict[int, int]:
    """Bytes to download of each; none of one that cannot be, of which reading it will say why."""

    def size(index: int) -> int:
        try:
            return series.to_download(index)
        except CheckpointError:
            return 0

    with ThreadPoolExecutor(_AT_ONCE) as askers:
        return dict(zip(indices, askers.map(size, indices), strict=True))
