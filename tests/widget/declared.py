"""What TypeScript declares, read from its source."""

from __future__ import annotations

import re
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "js" / "src"


def fields(interface: str, file: str = "kernel/model.ts") -> set[str]:
    """All that an interface may have."""
    return {name.removesuffix("?") for name in _declared(interface, file)}


def required(interface: str, file: str = "kernel/model.ts") -> set[str]:
    """What it always has."""
    return {name for name in _declared(interface, file) if not name.endswith("?")}


def _declared(interface: str, file: str) -> list[str]:
    source = (SOURCES / file).read_text()
    body = re.search(rf"export interface {interface} \{{(.*?)\n\}}", source, re.DOTALL)
    assert body, f"{interface} is not declared in {file}"
    return re.findall(r"^  (\w+\??):", body[1], re.MULTILINE)
