"""The explorer whose copies are opened in browsers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from induction_explorer import InductionExplorer, load_demo


@contextmanager
def computed_demo() -> Iterator[InductionExplorer]:
    """Of the bundled two-layer series, with all that is computed unasked."""
    explorer = InductionExplorer(load_demo("attn-only-2l"))
    try:
        explorer.wait()
        yield explorer
    finally:
        explorer.close()
