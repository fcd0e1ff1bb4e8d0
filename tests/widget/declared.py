"""What TypeScript declares, read from its source."""

from __future__ import annotations

import re
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "js" / "src"


def fields(interface: str, file: str = "kernel/model.ts") -> set[str]:
    source = (SOURCES / file).read_text()
    body = re.search(rf"export interface {interface} \{{(.*?)\n\}}", source, re.DOTALL)
    assert body, f"{interface} is not declared in {file}"
    return set(re.findall(r"^  (\w+)\??:", body[1], re.MULTILINE))
