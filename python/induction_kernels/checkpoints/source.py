"""What a series is made of: checkpoints, and where their weights come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn


@dataclass(frozen=True)
class Checkpoint:
    """One stop of the slider.

    Attributes:
        step: optimizer steps taken.
        tokens: tokens seen, or None where the source does not say.
        tokens_estimated: nobody counted them; they are in proportion to the steps.
        name: what it is called where "step" would say too little, or too much.
    """

    step: int
    tokens: int | None = None
    tokens_estimated: bool = False
    name: str | None = None

    @property
    def label(self) -> str:
        return self.name or f"step {self.step:,}"


@runtime_checkable
class Source(Protocol):
    """Where a series' weights come from."""

    @property
    def name(self) -> str: ...

    @property
    def checkpoints(self) -> Sequence[Checkpoint]: ...

    @property
    def tokenizer(self) -> Any | None: ...

    def build(self) -> nn.Module:
        """A new module of the series' architecture; its weights are replaced before use."""

    def weights(self, index: int) -> Mapping[str, Tensor] | None:
        """The state dict of a checkpoint; None where `build` gives a module that holds it.

        Raises:
            CheckpointError: it cannot be read.
        """


@runtime_checkable
class BareSource(Source, Protocol):
    """One whose weights fit a model of ours as well. Only the kernels can run that, and no library
    has to be imported for it."""

    def build_bare(self) -> nn.Module:
        """As `build`, where nobody else gets to see the module."""
