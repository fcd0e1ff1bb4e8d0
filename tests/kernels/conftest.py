"""Fixtures of what lies on a hub."""

from __future__ import annotations

from collections.abc import Iterator

import huggingface_hub.constants
import pytest
from local_hub import LocalHub, local_hub


@pytest.fixture
def hub(monkeypatch) -> Iterator[LocalHub]:
    """On this machine; huggingface_hub is online, and logged in nowhere."""
    online(monkeypatch)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with local_hub() as found:
        yield found


def online(monkeypatch, state: bool = True) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", not state)
