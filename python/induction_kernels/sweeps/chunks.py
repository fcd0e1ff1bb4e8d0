"""One variable at one checkpoint: the bytes of a chunk, past zarr's machinery for any selection.

zarr reads them as its own: little-endian numbers and their checksum. NaN is written too, where zarr
would leave out a chunk of nothing else: that there is no number is an answer.
"""

from __future__ import annotations

from typing import Any

import numpy as np


async def write(array: Any, row: int, values: np.ndarray) -> None:
    """Put a row, whole or not at all."""
    await _place(array, row).set(_encoded(array, values))


async def write_first(array: Any, row: int, values: np.ndarray) -> None:
    """The same where nothing is yet."""
    await _place(array, row).set_if_not_exists(_encoded(array, values))


async def read(array: Any, row: int) -> np.ndarray | None:
    """A row; None where it is not there, or damaged."""
    import google_crc32c

    found = await _place(array, row).get()
    content = b"" if found is None else found.to_bytes()
    numbers, checksum = content[:-4], content[-4:]
    shape, dtype = array.shape[1:], _dtype(array)
    if len(numbers) != dtype.itemsize * int(np.prod(shape)):
        return None
    if google_crc32c.value(numbers) != int.from_bytes(checksum, "little"):
        return None
    return np.frombuffer(numbers, dtype).reshape(shape)


async def remove(array: Any, row: int) -> None:
    await _place(array, row).delete()


def _place(array: Any, row: int) -> Any:
    return array.store_path / array.metadata.encode_chunk_key((row,) + (0,) * (array.ndim - 1))


def _encoded(array: Any, values: np.ndarray) -> Any:
    import google_crc32c
    from zarr.core.buffer import default_buffer_prototype

    numbers = np.broadcast_to(values, array.shape[1:]).astype(_dtype(array)).tobytes()
    checksum = google_crc32c.value(numbers).to_bytes(4, "little")
    return default_buffer_prototype().buffer.from_bytes(numbers + checksum)


def _dtype(array: Any) -> np.dtype[Any]:
    native: np.dtype[Any] = np.dtype(array.dtype)
    return native.newbyteorder("<")
