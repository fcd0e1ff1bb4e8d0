"""Are checkpoints what their names say? Told by hashes of files, before any is downloaded.

What was found in published suites: branches that hold the final model, whole or in one shard of
several; branches without weights; several that are one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol, runtime_checkable

from induction_kernels.checkpoints.checkpoint import Checkpoint

#: Hashes of the files that a checkpoint's weights are in, by name.
Hashes = Mapping[str, str]
_B = 10**9


@dataclass(frozen=True)
class Finding:
    """Attributes:
    checkpoint: its index in the series.
    status: "fault" where a checkpoint is not what its name says, or cannot be; "note" where
        something looks like that and is right; "unknown" where nobody could be asked.
    reason: what goes on a sentence that begins with the checkpoint's label; or an error.
    """

    checkpoint: int
    status: Literal["fault", "note", "unknown"]
    reason: str


@runtime_checkable
class Hashed(Protocol):
    """A source that tells what its files hold without loading them. No more than methods: whether
    an object has an attribute is asked by reading it, and a tokenizer may have to be downloaded."""

    def hashes(self, index: int) -> Hashes:
        """Of the files that a checkpoint's weights are in.

        Raises:
            UnlistedError: nobody can be asked which these are.
            CheckpointError: they are missing.
        """

    def final_hashes(self) -> Hashes:
        """The same of the finished model, which may have a name of its own; empty where not."""

    def ends(self, index: int) -> bool:
        """Whether a checkpoint is the end of training."""

    def still(self) -> bool:
        """Whether the first two checkpoints hold the same weights, and should."""

    def billions(self, index: int) -> int | None:
        """Tokens in billions, rounded, as a checkpoint's name says."""


class Identities:
    """What the hashes of a series say of each other.

    Args:
        labels: of the checkpoints.
        hashes: by index; those without weights are left out.
        final: of the finished model.
        ends: the last of these checkpoints is the finished model.
        still: the first two are one, and should be.
    """

    def __init__(
        self,
        labels: Sequence[str],
        hashes: Mapping[int, Hashes],
        final: Hashes,
        *,
        ends: bool,
        still: bool,
    ) -> None:
        self._labels, self._hashes, self._final = labels, hashes, final
        self._end = len(labels) - 1 if ends else None
        self._still = still
        self._same: dict[frozenset[str], list[int]] = defaultdict(list)
        for index, files in hashes.items():
            self._same[frozenset(files.values())].append(index)

    def findings(self) -> Iterator[Finding]:
        final = frozenset(self._final.values())
        for bytes_, same in self._same.items():
            if final and bytes_ == final:
                yield from self._finished(same)
            elif len(same) > 1:
                yield from self._twins(same)
        yield from self._shards(final)

    def _finished(self, same: list[int]) -> Iterator[Finding]:
        early = [index for index in same if index != self._end]
        for index in early:
            yield Finding(index, "fault", "holds the final model (main), byte for byte")
        if self._end is not None and self._end in self._hashes and self._end not in same:
            yield Finding(
                self._end, "note",
                f"is not the final model (main), which {self._some(early)} hold instead",
            )  # fmt: skip

    def _twins(self, same: list[int]) -> Iterator[Finding]:
        for index in same:
            others = self._some([other for other in same if other != index])
            if self._still and same == [0, 1]:
                yield Finding(
                    index, "note",
                    f"is {others}, byte for byte, as it should: the learning rate begins at 0",
                )  # fmt: skip
            elif self._end is None or self._end not in same:
                yield Finding(
                    index, "fault",
                    f"is {others}, byte for byte: at most one is what its name says",
                )  # fmt: skip
            elif index != self._end:
                end = self._labels[self._end]
                yield Finding(index, "fault", f"holds {end}, the last, byte for byte")

    def _shards(self, final: frozenset[str]) -> Iterator[Finding]:
        """Parts that are another checkpoint's, where the whole is not."""
        where: dict[str, list[int]] = defaultdict(list)
        for index, files in self._hashes.items():
            for one in set(files.values()):
                where[one].append(index)
        ends = set(self._final.values())
        if self._end is not None:
            ends |= set(self._hashes.get(self._end, {}).values())
        for index, files in self._hashes.items():
            bytes_ = frozenset(files.values())
            if index == self._end or bytes_ == final or len(self._same[bytes_]) > 1:
                continue
            copied = [name for name, one in files.items() if one in ends]
            if copied:
                yield Finding(
                    index, "fault",
                    f"holds the final model in {len(copied)} of {len(files)} files ({copied[0]})",
                )  # fmt: skip
                continue
            for name, one in files.items():
                others = [other for other in where[one] if other != index]
                if others and len(where[one]) < len(self._hashes):
                    yield Finding(index, "fault", f"has {name} of {self._some(others)}")
                    break

    def _some(self, indices: Sequence[int]) -> str:
        named = [self._labels[index] for index in indices]
        return ", ".join(named) if len(named) < 4 else f"{named[0]} and {len(named) - 1} others"


def out_of_order(
    checkpoints: Sequence[Checkpoint], billions: Sequence[int | None]
) -> Iterator[Finding]:
    """Where the tokens that names say, or sources count, contradict the steps."""
    for index, (before, after) in enumerate(pairwise(checkpoints), 1):
        if before.tokens is not None and after.tokens is not None and after.tokens <= before.tokens:
            yield Finding(
                index, "fault",
                f"has seen {after.tokens:,} tokens, no more than {before.label} before it",
            )  # fmt: skip
    named = [(i, said) for i, said in enumerate(billions) if said is not None]
    for (_, before_said), (index, said) in pairwise(named):
        if said < before_said:
            yield Finding(
                index, "fault", f"says {said}B tokens, and the one before it {before_said}B"
            )
    for index, said in named:
        counted = checkpoints[index].tokens
        # Rounded up or down, and by batches that were rounded themselves.
        if counted is not None and abs(counted - said * _B) > _B + 0.06 * counted:
            yield Finding(
                index, "fault", f"says {said}B tokens, and its step makes {counted / _B:.1f}B"
            )
