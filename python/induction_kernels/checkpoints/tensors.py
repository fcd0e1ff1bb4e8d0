"""Safetensors files, read rather than mapped.

The library maps the files that it opens, and one that is cut while in use then ends the process. Of
bytes it makes copies, so that the largest shard is in memory twice. So a file is read once, and its
tensors lie where it was read. The format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import torch
from torch import Tensor

from induction_kernels.checkpoints.files import check_file, read_large
from induction_kernels.checkpoints.integrity import check_hash
from induction_kernels.errors import CheckpointError

_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E5M2": torch.float8_e5m2, "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
    "F8_E8M0": torch.float8_e8m0fnu, "I64": torch.int64, "I32": torch.int32, "I16": torch.int16,
    "I8": torch.int8, "U64": torch.uint64, "U32": torch.uint32, "U16": torch.uint16,
    "U8": torch.uint8, "BOOL": torch.bool, "C64": torch.complex64,
}  # fmt: skip

_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Entry(msgspec.Struct):
    dtype: str
    shape: list[_Count]
    data_offsets: tuple[_Count, _Count]


def read_safetensors(path: Path, sha256: str | None = None) -> dict[str, Tensor]:
    """The tensors of a file, on the CPU; they share one storage, which is freed with the last.

    Args:
        sha256: what the file's bytes must hash to, if known.

    Raises:
        CheckpointError: the file is gone, truncated, not safetensors, not the one that was hashed,
            or written to at the same time.
    """
    before = check_file(path)
    data = read_large(path)
    after = check_file(path)
    if (len(data), before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise CheckpointError(
            f"{path.name} was written to while it was read.", "Load it again once it is complete."
        )
    if sha256 is not None:
        check_hash(path, data, sha256)
    try:
        return _tensors(data)
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise CheckpointError(
            f"{path.name} is not a whole safetensors file ({error}; {len(data):,} bytes).",
            "It was truncated or altered; copy it again.",
        ) from error


def _tensors(data: memoryview) -> dict[str, Tensor]:
    """What a file holds: the length of a header, the header, and tensors without a gap."""
    start = 8 + int.from_bytes(data[:8], "little")
    if not 8 < start <= len(data):
        raise ValueError("no header")
    header = msgspec.json.decode(data[8:start], type=dict[str, msgspec.Raw])
    header.pop("__metadata__", None)
    entries = {name: msgspec.json.decode(raw, type=_Entry) for name, raw in header.items()}
    end = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1].data_offsets):
        first, last = entry.data_offsets
        dtype = _DTYPES.get(entry.dtype)
        if dtype is None:
            raise ValueError(f"{name!r} is {entry.dtype}, which PyTorch does not have")
        if first != end or last - first != math.prod(entry.shape) * dtype.itemsize:
            raise ValueError(f"{name!r} does not lie where its shape says")
        end = last
    if end != len(data) - start:
        raise ValueError(f"the header tells of {end:,} bytes")
    return {name: _tensor(entry, data, start) for name, entry in entries.items()}


def _tensor(entry: _Entry, data: memoryview, start: int) -> Tensor:
    first, last = (start + offset for offset in entry.data_offsets)
    dtype = _DTYPES[entry.dtype]
    if first == last:
        return torch.empty(entry.shape, dtype=dtype)
    # A number begins at a multiple of its size, but where an old writer left headers unpadded.
    held = data[first:last] if first % dtype.itemsize == 0 else bytearray(data[first:last])
    return torch.frombuffer(held, dtype=dtype).reshape(entry.shape)


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
