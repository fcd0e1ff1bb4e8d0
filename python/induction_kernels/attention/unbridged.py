"""The Hugging Face model inside a TransformerBridge, put together again."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import nn

from induction_kernels.attention.unfit import DoesNotFitError

_unbridged_modules: weakref.WeakKeyDictionary[nn.Module, nn.Module] = weakref.WeakKeyDictionary()


def unbridged(bridged: Any) -> Any:
    """The Hugging Face model that a bridge took apart, built anew over the same storage.

    Bridges rebuild attention by matmul. The new module holds the bridge's own tensors, so weights
    swapped into the bridge are its weights too, and there is no second copy.
    """
    known = _unbridged_modules.get(bridged)
    tensors = {
        name.replace("._original_component", ""): tensor
        for name, tensor in [
            # The same tensor under every name it has: a joint qkv is there as such, too.
            *bridged.named_parameters(remove_duplicate=False),
            *bridged.named_buffers(remove_duplicate=False),
        ]
    }
    if known is not None and all(
        name not in tensors or tensors[name].data_ptr() == parameter.data_ptr()
        for name, parameter in known.named_parameters()
    ):
        return known
    with torch.device("meta"):
        fresh = type(bridged)(bridged.config).eval()
    fresh.load_state_dict(
        {name: tensor for name, tensor in tensors.items() if name in fresh.state_dict()},
        strict=False,
        assign=True,
    )
    for name, buffer in fresh.named_buffers():
        if buffer.is_meta and name in tensors:
            owner, _, leaf = name.rpartition(".")
            setattr(fresh.get_submodule(owner), leaf, tensors[name])
    fresh.tie_weights()
    missing = [n for n, t in [*fresh.named_parameters(), *fresh.named_buffers()] if t.is_meta]
    if missing:
        raise DoesNotFitError(f"the bridge does not show {missing[0]} of the model it wraps")
    _unbridged_modules[bridged] = fresh
    return fresh
