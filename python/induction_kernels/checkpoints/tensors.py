"""Safetensors files, read rather than mapped.

The library maps the files that it opens, and one that is cut while in use then ends the process. So
a file is read once, and the library gets the bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor

from induction_kernels.checkpoints.files import check_file, read_bytes
from induction_kernels.checkpoints.integrity import check_hash
from induction_kernels.errors import CheckpointError


def read_safetensors(path: Path, sha256: str | None = None) -> dict[str, Tensor]:
    """The tensors of a file, on the CPU.

    Args:
        sha256: what the file's bytes must hash to, if known.

    Raises:
        CheckpointError: the file is gone, truncated, not safetensors, not the one that was hashed,
            or written to at the same time.
    """
    from safetensors.torch import load

    before = check_file(path)
    data = read_bytes(path)
    after = check_file(path)
    if (len(data), before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise CheckpointError(
            f"{path.name} was written to while it was read.", "Load it again once it is complete."
        )
    if sha256 is not None:
        check_hash(path, data, sha256)
    try:
        return load(data)
    except Exception as error:  # of many kinds: a header may hold anything
        raise CheckpointError(
            f"{path.name} is not a whole safetensors file ({error}; {len(data):,} bytes).",
            "It was truncated or altered; copy it again.",
        ) from error


def joined(
    shards: Iterable[tuple[str, Mapping[str, Tensor]]], where: object, hint: str
) -> dict[str, Tensor]:
    """The tensors of all shards of one checkpoint.

    Args:
        shards: the names of files and what is in them, read one after the other.
        where, hint: for the error.

    Raises:
        CheckpointError: a tensor is in two of them.
    """
    weights: dict[str, Tensor] = {}
    for name, shard in shards:
        twice = sorted(weights.keys() & shard.keys())
        if twice:
            raise CheckpointError(
                f"{twice[0]!r} is in more than one shard of {where} ({name} is the second).", hint
            )
        weights |= shard
    return weights
