"""Safetensors files, read rather than mapped.

The library maps a file at least while it reads the header: a file cut at that moment ends the
process. Here a file is read once, into memory of its own, and the tensors are views of that.

https://github.com/huggingface/safetensors#format: eight bytes that say how long the header is, a
JSON header of names with dtype, shape and place, and the numbers, without gaps.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

from induction_kernels.checkpoints.files import check_file, unreadable
from induction_kernels.checkpoints.integrity import check_hash
from induction_kernels.errors import CheckpointError

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "C64": torch.complex64,
}


def read_safetensors(path: Path, sha256: str | None = None) -> dict[str, Tensor]:
    """The tensors of a file, on the CPU.

    Args:
        sha256: what the file's bytes must hash to, if known.

    Raises:
        CheckpointError: the file is gone, truncated, not safetensors, not the one that was hashed,
            or written to at the same time.
    """
    data = _bytes_of(path)
    if sha256 is not None:
        check_hash(path, data.numpy().data, sha256)
    try:
        return _tensors_in(data)
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        why = f"{error} is unknown or missing" if isinstance(error, KeyError) else error
        raise CheckpointError(
            f"{path.name} is not a whole safetensors file ({why}; {len(data):,} bytes).",
            "It was truncated or altered; copy it again.",
        ) from error


def _bytes_of(path: Path) -> UInt8[Tensor, " bytes"]:
    check_file(path)
    try:
        with path.open("rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            data = torch.empty(before.st_size, dtype=torch.uint8)
            rest = memoryview(data.numpy())
            while rest and (count := file.readinto(rest)):  # at most 2 GiB at a time
                rest = rest[count:]
            after = os.fstat(file.fileno())
    except OSError as error:
        raise unreadable(path, error) from error
    if rest or (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise CheckpointError(
            f"{path.name} was written to while it was read.", "Load it again once it is complete."
        )
    return data


def _tensors_in(data: UInt8[Tensor, " bytes"]) -> dict[str, Tensor]:
    """Raises a ValueError, TypeError, LookupError or RecursionError where the format is broken."""
    size = int.from_bytes(data[:8].numpy().tobytes(), "little")
    if len(data) < 8 or size > len(data) - 8:
        raise ValueError("the header is cut")
    header: dict[str, Any] = json.loads(data[8 : 8 + size].numpy().tobytes())
    if not isinstance(header, dict):
        raise ValueError("the header is no object")
    header.pop("__metadata__", None)
    numbers = data[8 + size :]
    tensors: dict[str, Tensor] = {}
    read = 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        dtype, shape = _DTYPES[entry["dtype"]], torch.Size(entry["shape"])
        begin, end = entry["data_offsets"]
        if (
            begin != read
            or end - begin != math.prod(shape) * dtype.itemsize
            or min(shape, default=0) < 0
        ):
            raise ValueError(f"{name} and the numbers before it leave a gap or overlap")
        if end > len(numbers):
            raise ValueError(f"{name} is cut")
        part, read = numbers[begin:end], end
        if part.storage_offset() % dtype.itemsize:
            part = part.clone()
        tensors[name] = part.view(dtype).view(shape)
    if read != len(numbers):
        raise ValueError(f"{len(numbers) - read:,} bytes too many")
    return tensors
