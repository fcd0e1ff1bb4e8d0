"""One variable at one checkpoint: the bytes of a chunk, past zarr's machinery for any selection.

zarr reads them as its own: little-endian numbers and their checksum. NaN is written too, where zarr
would leave out a chunk of nothing else: that there is no number is an answer.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def place_of(array: Any, row: int) -> Any:
    """Where a row is kept."""
    return array.store_path / array.metadata.encode_chunk_key((row,) + (0,) * (array.ndim - 1))


def encoded(array: Any, values: np.ndarray) -> bytes:
    import google_crc32c

    numbers = np.broadcast_to(values, array.shape[1:]).astype(_dtype(array)).tobytes()
    checksum: int = google_crc32c.value(numbers)
    return numbers + checksum.to_bytes(4, "little")


def decoded(array: Any, content: bytes | None) -> np.ndarray | None:
    """A row; None where it is not there, or damaged."""
    import google_crc32c

    if content is None:
        return None
    numbers, checksum = content[:-4], content[-4:]
    shape, dtype = array.shape[1:], _dtype(array)
    if len(numbers) != dtype.itemsize * int(np.prod(shape)):
        return None
    if google_crc32c.value(numbers) != int.from_bytes(checksum, "little"):
        return None
    return np.frombuffer(numbers, dtype).reshape(shape)


def _dtype(array: Any) -> np.dtype[Any]:
    native: np.dtype[Any] = np.dtype(array.dtype)
    return native.newbyteorder("<")
