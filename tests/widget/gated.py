"""An analysis whose every pass waits until a test lets it go, on a series that has no model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from induction_explorer.contract import Analysis
from induction_explorer.series.known import Known
from induction_explorer.series.results import Results

PATIENCE = 60


class Series:
    """Whose model is the number of the checkpoint."""

    def model(self, checkpoint: int) -> int:
        return checkpoint


class Session(Known):
    parameters = 1

    def __init__(self, limit: int | None = None) -> None:
        super().__init__()
        self.series, self.results = Series(), Results(limit)

    def with_model(self) -> Session:
        return self

    def load(self, checkpoint: int) -> int:
        return checkpoint

    def time(self, work: float, seconds: float) -> None:
        pass


@dataclass(eq=False)
class Gate:
    """Passes begin in the order of `entered`; each ends when it is let through.

    Attributes:
        entered: name and checkpoint, as "a3".
        closed: whose steps are over, whether they were done or cancelled.
    """

    entered: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _let: int = 0

    def enter(self, name: str) -> None:
        with self._changed:
            self.entered.append(name)
            self._changed.notify_all()
            mine = len(self.entered)
            assert self._changed.wait_for(lambda: self._let >= mine, PATIENCE)

    def let(self, passes: int = 1) -> None:
        """Let so many more passes through."""
        with self._changed:
            self._let += passes
            self._changed.notify_all()

    def until(self, passes: int) -> list[str]:
        """What has begun, once so many have."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.entered) >= passes, PATIENCE)
            return list(self.entered)


class Gated(Analysis, frozen=True):
    """A name, and how many passes it has; its value is the number of the last."""

    name: str
    count: int = 1
    arrays: ClassVar = {"value": "cell"}
    gate: ClassVar[Gate]

    def passes(self, session: Any) -> int:
        return self.count

    def tokens(self, session: Any) -> int:
        return 1

    def steps(self, at: Any) -> Iterator[Any]:
        try:
            for number in range(1, self.count + 1):
                self.gate.enter(f"{self.name}{at.model}")
                yield lambda number=number: {"value": np.full(4, number, np.float32)}
        finally:
            self.gate.closed.append(f"{self.name}{at.model}")


@dataclass(eq=False)
class Listener:
    """What came, and how much of it."""

    heard: list[tuple[int, float, float]] = field(default_factory=list)
    failed: list[tuple[int, str]] = field(default_factory=list)

    def hear(self, checkpoint: int, arrays: Any, share: float) -> None:
        self.heard.append((checkpoint, float(arrays["value"][0]), share))

    def fail(self, checkpoint: int, error: Exception) -> None:
        self.failed.append((checkpoint, str(error)))
