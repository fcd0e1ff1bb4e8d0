"""Cells that most notebooks of these tests begin with, and what no page of theirs may do."""

from __future__ import annotations

from labpage import LabPage

#: VS Code's kernel channel dies on larger ones (design.md, What crosses the wire).
MAX_MESSAGE = 1 << 20

SERIES = """\
from induction_explorer import InductionExplorer, load_demo
series = load_demo("attn-only-2l")
"""
EXPLORER = SERIES + "w = InductionExplorer(series)\nw.wait()"


def check_traffic(page: LabPage) -> None:
    """Since the last check, nothing failed unseen, left the machine or was too large to send."""
    seen = page.traffic.take()
    assert seen.errors == []
    assert seen.foreign_urls == []
    assert seen.largest_frame() <= MAX_MESSAGE
