"""Elements of an SVG, and the colours of a picture on light ground."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from induction_kernels.names import legible

#: The widget's on paper (js/src/ui/color.ts).
INK, MUTED, HAIRLINE, GROUND, PHASE, HERE = (
    "#1c1c1c", "#666b73", "#d5d7db", "#ffffff", "#c9dcbb", "#c0392b"
)  # fmt: skip
HEADS = ("#0072b2", "#8a6500", "#5b2db0", "#a8479c", "#00795f", "#16305c")

Point = tuple[float, float]


def element(name: str, inside: str = "", /, **attributes: object) -> str:
    """`text_anchor` is written text-anchor; numbers to a tenth of a pixel."""
    written = "".join(
        f' {key.replace("_", "-")}="{_written(value)}"' for key, value in attributes.items()
    )
    return f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>"


def text(said: str, at: Point, colour: str = MUTED, **attributes: object) -> str:
    return element("text", escape(legible(said)), x=at[0], y=at[1], fill=colour, **attributes)


def box(at: Point, size: Point, colour: str, **attributes: object) -> str:
    (x, y), (width, height) = at, size
    return element("rect", x=x, y=y, width=width, height=height, fill=colour, **attributes)


def line(start: Point, end: Point, colour: str = HAIRLINE, **attributes: object) -> str:
    (x1, y1), (x2, y2) = start, end
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=colour, **attributes)


def path(points: Iterable[Point], colour: str) -> str:
    along = " ".join(f"{_written(x)},{_written(y)}" for x, y in points)
    return element("polyline", points=along, fill="none", stroke=colour, stroke_width=1.6)


def _written(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else escape(str(value))
