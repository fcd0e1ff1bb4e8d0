"""One stop of the slider."""

from __future__ import annotations

from dataclasses import dataclass

#: What `Checkpoint.step` counts, but for suites that count something else.
STEPS = "steps"


@dataclass(frozen=True)
class Checkpoint:
    """One stop of the slider.

    Attributes:
        step: optimizer steps taken, or of what else `unit` says.
        tokens: tokens seen, or None where the source does not say.
        tokens_estimated: nobody counted them; they are in proportion to the steps.
        name: what it is called where "step" would say too little, or too much.
        unit: what `step` counts, the same for a whole series: "steps", "parts", "million words".
    """

    step: int
    tokens: int | None = None
    tokens_estimated: bool = False
    name: str | None = None
    unit: str = STEPS

    @property
    def label(self) -> str:
        return self.name or f"step {self.step:,}"
