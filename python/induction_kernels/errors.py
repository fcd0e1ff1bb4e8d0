"""Errors that tell a reader three things: what was given, what is allowed, what to do."""

from __future__ import annotations


class InductionError(Exception):
    """Base of the errors raised here: `message` says what is wrong, `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type[InductionError], tuple[str, str]]:
        """Of one that is sent from another process."""
        return type(self), (self.message, self.hint)


class UnsupportedModelError(InductionError, TypeError):
    """The model has no causal attention that can be read."""


class PromptError(InductionError, ValueError):
    """A text or token sequence that the model cannot run."""


class SelectionError(InductionError, IndexError):
    """A head, layer, checkpoint or score that does not exist."""


class ProbeError(InductionError, ValueError):
    """Tokens without the structure that a score reads."""


class CheckpointError(InductionError, ValueError):
    """A checkpoint that cannot be found, is damaged or does not fit the model."""


class UnlistedError(CheckpointError):
    """What a checkpoint holds cannot be asked: nothing is known against it."""


class StoreError(InductionError, ValueError):
    """A store of a sweep that is another one's, is damaged or cannot be written."""
