"""Whether checkpoints of one name hold the same weights, told without loading either.

A fingerprint is a whole number below 2 ** 64: a hash, and in its lowest byte how it was taken. Only
those that were taken in the same way can be compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import Tensor, uint8

from induction_kernels.checkpoints.files import check_file, unreadable

#: Nothing is known.
UNKNOWN = 0
_OF_HASHES, _OF_FILES, _OF_TENSORS = 1, 2, 3
#: What is read of a file: so many blocks of so many bytes, evenly spread, or all of a small one.
_BLOCKS, _BLOCK = 16, 1 << 16
#: What is read of a tensor.
_NUMBERS = 64


@runtime_checkable
class Fingerprinted(Protocol):
    """A source that can tell."""

    def fingerprint(self, index: int) -> int:
        """Of a checkpoint's weights.

        Raises:
            CheckpointError: they are missing.
        """


def differ(one: int, other: int) -> bool:
    """Whether two fingerprints are of different weights, as far as is known."""
    return UNKNOWN not in {one, other} and one & 0xFF == other & 0xFF and one != other


def of_hashes(hashes: Iterable[str]) -> int:
    """Of files whose hashes are known."""
    return _number("\n".join(sorted(hashes)).encode(), _OF_HASHES)


def of_files(paths: Iterable[Path]) -> int:
    """Of files, by their sizes and a part of their bytes: another training run differs anywhere.

    Raises:
        CheckpointError: one cannot be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        size = check_file(path).st_size
        digest.update(size.to_bytes(8, "little"))
        last = max(size - _BLOCK, 0)
        places = {last * block // (_BLOCKS - 1) for block in range(_BLOCKS)}
        try:
            with path.open("rb") as file:
                for place in sorted(places):
                    file.seek(place)
                    digest.update(file.read(_BLOCK))
        except OSError as error:
            raise unreadable(path, error) from error
    return _number(digest.digest(), _OF_FILES)


def of_tensors(weights: Mapping[str, Tensor]) -> int:
    """Of tensors in memory, by a part of their numbers."""
    digest = hashlib.sha256()
    for name, value in sorted(weights.items()):
        some = value.detach().flatten()[:: max(1, value.numel() // _NUMBERS)]
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(some.contiguous().cpu().view(uint8).numpy().tobytes())
    return _number(digest.digest(), _OF_TENSORS)


def _number(content: bytes, how: int) -> int:
    return int.from_bytes(hashlib.sha256(content).digest()[:7], "big") << 8 | how
