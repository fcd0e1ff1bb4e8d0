"""What can be asked for at any checkpoint of a series: a prompt's patterns and its predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from induction_kernels.attention.patterns import Head
from induction_kernels.errors import SelectionError
from induction_kernels.inputs.tokenization import token_strings
from induction_kernels.models.model import refuse_without_attention

from induction_explorer.series.session import PromptRun, SeriesSession

Part = tuple[dict[str, Any], dict[str, np.ndarray]]


class Subject(Protocol):
    """Something with a value at every checkpoint. Subjects of the same thing are equal.

    Attributes:
        ahead: every checkpoint is being computed without being asked for.
        faults: why a checkpoint has no value, by index.
    """

    @property
    def session(self) -> SeriesSession: ...

    @property
    def ahead(self) -> bool: ...

    @property
    def faults(self) -> Mapping[int, str]: ...

    def is_current(self) -> bool:
        """Whether anyone can still ask for it."""

    def has(self, checkpoint: int) -> bool: ...

    def forget_fault(self, checkpoint: int) -> bool:
        """Whether this checkpoint had failed, and may be tried anew from now on."""

    def compute(self, checkpoint: int, wanted: Sequence[Subject]) -> None:
        """On the worker's thread; `wanted` is all that is waited for at this checkpoint."""

    def part(self, checkpoints: list[int]) -> Part:
        """Body and arrays of a reply with these checkpoints, all of which are there."""


@dataclass(frozen=True)
class OfPrompt:
    """Something of a prompt's run; a new prompt makes it stale."""

    run: PromptRun

    @property
    def session(self) -> SeriesSession:
        return self.run.session

    @property
    def ahead(self) -> bool:
        return self.run.scrub

    @property
    def faults(self) -> Mapping[int, str]:
        return self.run.faults

    def is_current(self) -> bool:
        return self.run.current

    def forget_fault(self, checkpoint: int) -> bool:
        return self.run.faults.pop(checkpoint, None) is not None

    def compute(self, checkpoint: int, wanted: Sequence[Subject]) -> None:
        """All that is wanted of this run, in one pass."""
        heads = {s.head for s in wanted if isinstance(s, Patterns) and s.run is self.run}
        self.run.compute(checkpoint, None if self.run.scrub else sorted(heads))


@dataclass(frozen=True)
class Patterns(OfPrompt):
    """One head's patterns.

    Raises:
        SelectionError: a head that does not exist.
    """

    head: Head

    def __post_init__(self) -> None:
        layers, heads = self.session.layers, self.session.heads
        if not (0 <= self.head[0] < layers and 0 <= self.head[1] < heads):
            raise SelectionError(
                f"There is no head {self.head[1]} in layer {self.head[0]} of {self.session.name}.",
                f"Layers go from 0 to {layers - 1}, heads from 0 to {heads - 1}.",
            )
        refuse_without_attention(self.session.tokenizer_model, self.head[0])

    def has(self, checkpoint: int) -> bool:
        return self.run.pattern(checkpoint, self.head) is not None

    def part(self, checkpoints: list[int]) -> Part:
        triangles = (self.run.pattern(i, self.head) for i in checkpoints)
        patterns = np.stack([t for t in triangles if t is not None])
        return {"generation": self.run.generation}, {"patterns": patterns}


@dataclass(frozen=True)
class AttendedBy(OfPrompt):
    """How much every head attends to one token: the mean over later queries of A[q, token].

    Raises:
        SelectionError: a token that the prompt does not have.
    """

    token: int

    def __post_init__(self) -> None:
        count = self.run.ids.shape[1]
        if not 0 <= self.token < count:
            raise SelectionError(
                f"There is no token {self.token} in the prompt.", f"It has 0 to {count - 1}."
            )

    def has(self, checkpoint: int) -> bool:
        heads = self.session.every_head
        return all(self.run.pattern(checkpoint, head) is not None for head in heads)

    def compute(self, checkpoint: int, wanted: Sequence[Subject]) -> None:
        self.run.compute(checkpoint, None)

    def part(self, checkpoints: list[int]) -> Part:
        later = np.arange(self.token + 1, self.run.ids.shape[1])
        cells = later * (later + 1) // 2 + self.token
        shape = (len(checkpoints), self.session.layers, self.session.heads)
        found = np.full(shape, np.nan, np.float32)
        for place, checkpoint in enumerate(checkpoints):
            for head in self.session.every_head:
                pattern = self.run.pattern(checkpoint, head)
                if pattern is not None and len(cells):
                    found[place][head] = pattern[cells].mean() / 255
        return {"generation": self.run.generation}, {"attention": found}


@dataclass(frozen=True)
class Predictions(OfPrompt):
    """What comes next after every token."""

    def has(self, checkpoint: int) -> bool:
        return checkpoint in self.run.predictions

    def part(self, checkpoints: list[int]) -> Part:
        found = [self.run.predictions[i] for i in checkpoints]
        dtypes = {
            "ids": np.int32,
            "logits": np.float32,
            "probabilities": np.float32,
            "answer_rank": np.int32,
            "answer_probability": np.float32,
            "losses": np.float32,
        }
        arrays = {
            name: np.stack([getattr(p, name).numpy() for p in found]).astype(dtype)
            for name, dtype in dtypes.items()
        }
        ids = np.unique(arrays["ids"]).tolist()
        strings = token_strings(self.session.tokenizer_model, ids)
        tokens = {str(i): text for i, text in zip(ids, strings, strict=True)}
        body = {
            "generation": self.run.generation,
            "k": arrays["ids"].shape[-1],
            "tokens": tokens,
        }
        return body, arrays
