"""What a score is, whatever it is measured on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from induction_kernels.models.model import Model

Range = tuple[float | None, float | None]

#: What a picker puts the reader's own scores under.
YOURS = "Yours"


@dataclass(frozen=True)
class Score:
    """One number a head. What it is measured on is its class.

    Attributes:
        colours: span the range, or the values found where those take up little of it.
        own: it is the reader's, not ours.
        units: of its values; "1" where they have none.
        by_name_only: it is no part of all scores, which are read where nothing is asked for.
    """

    name: str
    title: str
    formula: str
    meaning: str
    source: str
    colours: Literal["range", "values"] = "range"
    own: bool = False
    units: str = "1"
    by_name_only: bool = False

    @property
    def group(self) -> str:
        """What it needs, which a picker puts it under."""
        raise NotImplementedError

    def left_out(self, model: Model, text_given: bool) -> str | None:
        """Why it is not measured on `model` unless asked for by name; None where it is.

        Args:
            text_given: there are tokens to read even if the model has no tokenizer.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Facts:
    """What a reader needs to judge and repeat a score measured on one model.

    Attributes:
        range: smallest and largest possible value; None = unbounded.
        chance: of a head that does nothing in particular; None where that says nothing.
        probe: what it is measured on, in words.
        provenance: the same for machines.
    """

    range: Range
    chance: float | None
    probe: str
    provenance: Mapping[str, str | int | float]
