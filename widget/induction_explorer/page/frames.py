"""Messages between the page and the process: JSON and buffers, in one binary frame.

The length of the JSON (four bytes, little-endian), the JSON, the buffers. The JSON is [data,
lengths of the buffers, ...]: `Frame` of js/src/page/frames.ts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from induction_kernels.errors import InductionError


def packed(data: Any, buffers: Sequence[Any] | None, mark: Any = None) -> bytes:
    """A frame.

    Args:
        mark: which of the page's messages it comes of, as that said.
    """
    whole = [bytes(one) for one in buffers or ()]
    head = json.dumps([data, [len(one) for one in whole], mark]).encode()
    return b"".join([len(head).to_bytes(4, "little"), head, *whole])


def unpacked(frame: bytes | str) -> tuple[Any, Any]:
    """The data and the mark of a frame; pages send no buffers.

    Raises:
        InductionError: it is none.
    """
    try:
        assert isinstance(frame, bytes)
        length = int.from_bytes(frame[:4], "little")
        data, _, mark = json.loads(frame[4 : 4 + length])
    except (AssertionError, ValueError) as error:
        raise InductionError("A page sent what is no message.", "Reload the page.") from error
    return data, mark
