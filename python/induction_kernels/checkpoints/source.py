"""What a series is made of: checkpoints, and where their weights come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from induction_kernels.checkpoints.checkpoint import Checkpoint

__all__ = ["BareSource", "Checkpoint", "Growing", "InTwoSteps", "Remote", "Source"]


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
class InTwoSteps(Protocol):
    """A source whose weights need a library that sets, while it works, what holds for the whole
    process, such as PyTorch's default dtype: on a thread beside another, only `read` is called.
    """

    def read(self, index: int) -> Mapping[str, Tensor]:
        """What the files of a checkpoint hold; on any thread.

        Raises:
            CheckpointError: it cannot be read.
        """

    def renamed(self, index: int, held: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The state dict of a checkpoint, of what its files hold.

        Raises:
            CheckpointError: it is of another model.
        """


@runtime_checkable
class Remote(Protocol):
    """A source whose checkpoints are downloaded when they are loaded."""

    def to_download(self, index: int) -> int:
        """Bytes of a checkpoint's weights that are not on this machine.

        Raises:
            CheckpointError: nobody can tell.
        """

    def evict(self, index: int) -> None:
        """Remove the weights of a checkpoint, if this source downloaded them."""

    def passing(self, index: int) -> AbstractContextManager[None]:
        """What is downloaded of a checkpoint's weights in here is gone after it, unless somebody
        else is reading it.

        Raises:
            CheckpointError: nobody can tell which files these are.
        """

    def room(self) -> int:
        """Bytes that can still be downloaded."""


@runtime_checkable
class Growing(Protocol):
    """A source to which checkpoints are added while it is in use."""

    def look(self) -> None:
        """See which came since. They stand in `checkpoints` behind those that were there, whatever
        their steps.

        Raises:
            CheckpointError: it cannot be seen now.
        """


@runtime_checkable
class BareSource(Source, Protocol):
    """One whose weights fit a model of ours as well. Only the kernels can run that, and no library
    has to be imported for it."""

    def build_bare(self) -> nn.Module:
        """As `build`, where nobody else gets to see the module."""
