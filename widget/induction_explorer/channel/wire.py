"""What crosses to the front end: arrays in envelopes, replies in messages of a safe size."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

#: VS Code's kernel channel dies on large messages (microsoft/vscode-jupyter#16930).
MAX_MESSAGE = 1 << 20
#: Bytes of an array in one message; the rest of MAX_MESSAGE is for the JSON around it.
CHUNK = 512 << 10
#: An answer from so many bytes on is packed, where that takes a tenth off it.
PACKED_FROM = 1 << 10
#: Of zlib: patterns shrink to a quarter at 300 MB/s; more effort takes ten times as long.
_EFFORT = 1


def envelope(array: np.ndarray) -> dict[str, Any]:
    """An array as a trait holds it: {dtype, shape, data}, row-major, little-endian."""
    array = _portable(array)
    return header(array) | {"data": array.tobytes()}


def envelope_unless_unknown(array: np.ndarray) -> dict[str, Any]:
    """The same; of an array that is NaN throughout only that it is."""
    return header(array) | {"unknown": True} if np.isnan(array).all() else envelope(array)


def header(array: np.ndarray) -> dict[str, Any]:
    """The envelope of an array that does not travel in it."""
    return {"dtype": str(array.dtype), "shape": list(array.shape), "data": None}


def reply_messages(
    request: str,
    body: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    *,
    done: bool,
    may_pack: bool = False,
) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
    """One part of a reply as (content, buffers) messages: `Reply` of js/src/kernel/model.ts.

    Args:
        may_pack: a page takes a moment to unpack it, so that a trait that is sent after it may be
            there before it.
    """
    portable = {name: _portable(array) for name, array in arrays.items()}
    data = b"".join(array.tobytes() for array in portable.values())
    data, is_packed = _packed(data) if may_pack else (data, False)
    pieces = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    head = {
        "body": dict(body),
        "arrays": [
            {"name": name, "dtype": str(array.dtype), "shape": list(array.shape)}
            for name, array in portable.items()
        ],
        "packed": is_packed,
    }
    for number, piece in enumerate(pieces or [b""]):
        content = {"id": request, "chunk": number, "chunks": len(pieces)}
        content["done"] = done and number >= len(pieces) - 1
        yield content | (head if number == 0 else {}), [piece] if pieces else []


def check_size(content: Any, buffers: Sequence[Any] | None) -> None:
    """Refuse a message that a front end may not survive.

    Raises:
        ValueError: it is larger than MAX_MESSAGE.
    """
    size = len(json.dumps(content, default=str)) + sum(memoryview(b).nbytes for b in buffers or ())
    if size > MAX_MESSAGE:
        raise ValueError(
            f"A message of {size:,} bytes was to be sent; at most {MAX_MESSAGE:,} may."
        )


def _packed(data: bytes) -> tuple[bytes, bool]:
    """These bytes, and whether they are packed."""
    if len(data) < PACKED_FROM:
        return data, False
    packed = zlib.compress(data, _EFFORT)
    return (packed, True) if len(packed) < 0.9 * len(data) else (data, False)


def _portable(array: np.ndarray) -> np.ndarray:
    if array.dtype not in (np.float32, np.int32, np.uint8):
        raise TypeError(f"{array.dtype} does not cross the wire; use float32, int32 or uint8.")
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
