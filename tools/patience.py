"""How long a state is waited for: the one limit of everything that watches a page or a kernel.

Waiting costs nothing once the state is there, so that the limit need not be near what is usual: it
is several times what the slowest took, a kernel that imports torch, on a machine busy with more.
"""

from __future__ import annotations

import time
from collections.abc import Callable

#: Seconds.
PATIENCE = 120


def until(there: Callable[[], object]) -> None:
    """Wait for what is no page's to say."""
    end = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)
