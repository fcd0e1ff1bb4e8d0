"""Every head's score at one checkpoint: a row a layer, a column a head."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float

from induction_explorer.export.picture.colours import Scale
from induction_explorer.export.picture.svg import HEADS, Point, box, element, text

#: Pixels that a cell needs for its number.
_WIDE, _HIGH = 30, 15


def grid(
    scores: Float[np.ndarray, "layer head"],
    scale: Scale,
    named: Sequence[tuple[int, int]],
    at: Point,
    size: Point,
) -> Iterator[str]:
    """With the names of layers and heads, frames around `named`, and what the colours mean."""
    layers, heads = scores.shape
    (left, top), (width, height) = at, size
    wide, high = min(44.0, width / heads), min(30.0, height / layers)
    has_room = wide >= _WIDE and high >= _HIGH
    if has_room:
        yield from _numbers(scores, scale, at, (wide, high))
    else:
        yield _pixels(scores, scale, at, (wide, high))
    for slot, (layer, head) in enumerate(named):
        x, y = left + head * wide, top + layer * high
        yield element(
            "rect", x=x - 1, y=y - 1, width=wide + 1, height=high + 1, fill="none",
            stroke=HEADS[slot], stroke_width=2,
        )  # fmt: skip
    for layer in _few(layers, high):
        yield text(f"L{layer}", (left - 6, top + (layer + 0.5) * high + 3.5), text_anchor="end")
    for head in _few(heads, wide / 2):
        yield text(f"H{head}", (left + (head + 0.5) * wide, top - 5), text_anchor="middle")
    yield from _legend(scale, (left, top + layers * high + 10))


def _numbers(
    scores: Float[np.ndarray, "layer head"], scale: Scale, at: Point, cell: Point
) -> Iterator[str]:
    wide, high = cell
    for (layer, head), value in np.ndenumerate(scores):
        x, y = at[0] + head * wide, at[1] + layer * high
        yield box((x, y), (wide - 1, high - 1), scale.colour(value))
        if np.isfinite(value):
            middle = (x + wide / 2, y + high / 2 + 3.5)
            yield text(number(value, 2), middle, scale.ink(value), text_anchor="middle")


def _pixels(scores: Float[np.ndarray, "layer head"], scale: Scale, at: Point, cell: Point) -> str:
    """One a head, drawn large: in a thousandth of the bytes of as many elements."""
    layers, heads = scores.shape
    colours = [[scale.colour(value) for value in row] for row in scores]
    rows = b"".join(b"\0" + bytes.fromhex("".join(row).replace("#", "")) for row in colours)
    return element(
        "image", x=at[0], y=at[1], width=heads * cell[0], height=layers * cell[1],
        preserveAspectRatio="none", style="image-rendering: pixelated",
        href="data:image/png;base64," + b64encode(_png(heads, layers, rows)).decode(),
    )  # fmt: skip


def _png(width: int, height: int, rows: bytes) -> bytes:
    """Of 8-bit red, green and blue, each row after a byte that says that it is not filtered."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _few(count: int, room: float) -> range:
    """Of so many names, those for which there is room."""
    return range(0, count, max(1, -(-12 // max(1, int(room)))))


def _legend(scale: Scale, at: Point) -> Iterator[str]:
    x, y = at
    low = number(scale.low, 2)
    yield text(low, (x, y + 9))
    x += 7 * len(low) + 2
    for i, value in enumerate(np.linspace(scale.low, scale.high, 24)):
        yield box((x + 5 * i, y), (5.5, 10), scale.colour(value))
    yield text(number(scale.high, 2), (x + 126, y + 9))


def number(value: float, digits: int) -> str:
    """With a true minus sign."""
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\u2212")
