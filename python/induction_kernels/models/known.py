"""What is known of a module beside what it carries: its name, its tokenizer, and whether a
checkpoint was copied into it in part."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from typing import Any

from torch import nn

from induction_kernels.errors import InductionError
from induction_kernels.names import without_folders


def name_of(module: Any, name: str | None) -> str:
    """For titles and provenance: the caller's, or what the module calls itself, or else what it
    is. Of the path it was loaded from only the last part is its name."""
    own = getattr(getattr(module, "cfg", None), "model_name", None) or getattr(
        getattr(module, "config", None), "name_or_path", None
    )
    return name or without_folders(own or "") or type(module).__name__


# What a series knows of the model it loads weights into: its tokenizer and its name.
_remembered: weakref.WeakKeyDictionary[nn.Module, tuple[Any, str]] = weakref.WeakKeyDictionary()


def remember(module: nn.Module, tokenizer: Any | None, name: str) -> None:
    """Let `known_of` find what the module itself does not carry."""
    _remembered[module] = (tokenizer, name)


def known_of(module: nn.Module) -> tuple[Any | None, str | None]:
    """The tokenizer and the name that were remembered."""
    return _remembered.get(module, (None, None))


# In the module itself, so that a copy of a mixture has it, too.
_MIXED = "_holds_parts_of_two_checkpoints"


@contextlib.contextmanager
def mixing(module: nn.Module) -> Iterator[None]:
    """Inside, and from then on if it ends by an exception, `module` is of two states."""
    vars(module)[_MIXED] = True
    yield
    vars(module).pop(_MIXED, None)


def refuse_mixture(module: nn.Module) -> None:
    """Raise an InductionError if copying weights into `module` was begun and not ended."""
    if _MIXED in vars(module):
        raise InductionError(
            f"{name_of(module, known_of(module)[1])} holds parts of two "
            "checkpoints: copying weights into it was interrupted.",
            "Load a checkpoint again: series.load(index).",
        )
