"""How TransformerLens' bridges are put together: nothing else here knows names of their insides."""

from __future__ import annotations

from typing import Any

from torch import nn


def wrapped_by(module: nn.Module) -> Any | None:
    """The model that a TransformerBridge wraps: a Hugging Face model or TransformerLens' own
    NativeModel. None of what is no bridge."""
    return getattr(module, "original_model", None)


def is_native(wrapped: nn.Module) -> bool:
    return type(wrapped).__name__ == "NativeModel"


def bare(component: Any) -> Any:
    """What a component of a bridge wraps; anything else is itself."""
    return getattr(component, "original_component", None) or component


def clean(name: str) -> str:
    """A name in the wrapped model as it was before the bridge took it apart."""
    return name.replace("._original_component", "")


def is_folded(module: nn.Module) -> bool:
    """Whether TransformerLens' compatibility mode changed the weights."""
    return bool(getattr(module, "compatibility_mode", False))
