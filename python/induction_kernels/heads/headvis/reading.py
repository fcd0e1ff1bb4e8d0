"""A HeadVis folder, whoever wrote it, read one head at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from induction_kernels.errors import SelectionError, StoreError
from induction_kernels.heads.headvis import format as form
from induction_kernels.heads.page import Cells

Head = tuple[int, int]
T = TypeVar("T")


def read_headvis(folder: str | Path) -> HeadVisFolder:
    """The pages of heads in a folder of HeadVis' format, as `write_headvis` or Neuronpedia writes
    it. Its metrics are what `scores_from_headvis` reads.

    Raises:
        StoreError: no such folder, or something else in it.
    """
    place = Path(folder)
    config = _decoded(place / form.CONFIG, form.Config)
    if config.n_intervals < 1:
        raise StoreError(f"{place / form.CONFIG} has {config.n_intervals} intervals.", _AGAIN)
    return HeadVisFolder(place, config)


class HeadVisFolder(Mapping[Head, form.HeadFile]):
    """Pages by (layer, head); one is read, and checked, when it is asked for, and is not kept.

    Attributes:
        config: what the folder says of itself.
    """

    def __init__(self, place: Path, config: form.Config) -> None:
        self._place, self.config = place, config

    def __getitem__(self, head: Head) -> form.HeadFile:
        """Raises:
        SelectionError: (an IndexError) there is no such head.
        StoreError: its file is missing or damaged.
        """
        if head not in self.config.heads:
            raise SelectionError(
                f"{self._place} has no head {head}.",
                f"It has {', '.join(map(str, self.config.heads[:8]))}"
                + (", ..." if len(self.config.heads) > 8 else "."),
            )
        file = self._place / form.HEADS / self._name(head)
        found = _decoded(file, form.HeadFile)
        for nth, sequence in enumerate(found.sequences):
            fault = _fault(sequence, self.config.n_intervals)
            if fault is not None:
                raise StoreError(f"Sequence {nth} of {file} {fault}.", _AGAIN)
        for name in ("qk_distance_histogram", "histogram"):
            bins: form.Histogram = getattr(found, name)
            if bins.bin_values and len(bins.bin_edges) != len(bins.bin_values) + 1:
                raise StoreError(
                    f"{name} of {file} has {len(bins.bin_values)} bins and {len(bins.bin_edges)} "
                    "edges.", _AGAIN,
                )  # fmt: skip
        return found

    def __iter__(self) -> Iterator[Head]:
        return iter(self.config.heads)

    def __len__(self) -> int:
        return len(self.config.heads)

    def _name(self, head: Head) -> str:
        """Never one that leads out of the folder."""
        pattern = self.config.head_data_pattern
        name = pattern.replace("{layer}", str(head[0])).replace("{head}", str(head[1]))
        if Path(name).name != name or name == pattern:
            raise StoreError(f"{self._place} names its files {pattern!r}.", _AGAIN)
        return name


def cells(sequence: form.Sequence) -> Cells:
    """The cells of a sequence that was read."""
    return Cells(
        sequence.seq_len,
        np.asarray(sequence.attention_indices, np.int32),
        np.asarray(sequence.attention_values, np.float32),
    )


_AGAIN = "Write it again, or correct it by data_pipeline.py of github.com/anthropics/headvis."


def _fault(sequence: form.Sequence, intervals: int) -> str | None:
    n, at = sequence.seq_len, sequence.attention_indices
    if len(sequence.tokens) != n:
        return f"has {len(sequence.tokens)} tokens and seq_len {n}"
    if len(at) != len(sequence.attention_values):
        return f"has {len(at)} attention_indices and {len(sequence.attention_values)} values"
    if at and max(at) >= n * n:
        return f"has cell {max(at)}, which is none of {n} tokens (q * seq_len + k)"
    if not 1 <= sequence.interval <= intervals:
        return f"is in interval {sequence.interval} of {intervals}"
    return None


def _decoded(file: Path, form_of: type[T]) -> T:
    try:
        return msgspec.json.decode(file.read_bytes(), type=form_of)
    except OSError as error:
        raise StoreError(
            f"{file} cannot be read: {error}.", "Give a folder with a config.json of HeadVis."
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"{file} is not as HeadVis has it: {error}.", _AGAIN) from error
