"""The Hugging Face model inside a TransformerBridge, put together again."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from induction_kernels.attention.agreement import state_of
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.models.bridges import clean
from induction_kernels.models.joint import joints_of
from induction_kernels.restoring import shapes_only

_unbridged_modules: weakref.WeakKeyDictionary[nn.Module, nn.Module] = weakref.WeakKeyDictionary()


def unbridged(bridged: Any) -> Any:
    """The Hugging Face model that a bridge took apart, built anew over the same storage.

    Bridges rebuild attention by matmul. The new module holds the bridge's own tensors, so weights
    swapped into the bridge are its weights too, and there is no second copy.

    Raises:
        DoesNotFitError: the bridge hides a weight, or multiplies by others than it shows.
    """
    known = _unbridged_modules.get(bridged)
    tensors = {
        clean(name): tensor
        for name, tensor in [
            # The same tensor under every name it has: a joint qkv is there as such, too.
            *bridged.named_parameters(remove_duplicate=False),
            *bridged.named_buffers(remove_duplicate=False),
        ]
    }
    _require_one_mind(bridged, tensors)
    if known is not None and all(
        name not in tensors or tensors[name].data_ptr() == parameter.data_ptr()
        for name, parameter in known.named_parameters()
    ):
        return known
    fresh: Any = shapes_only(lambda: type(bridged)(bridged.config).eval())
    # Not by load_state_dict, which sets requires_grad of the tensors it is given.
    for name, slot in [*fresh.named_parameters(), *fresh.named_buffers()]:
        tensor = tensors.get(name)
        if tensor is not None and tensor.shape == slot.shape:
            owner, _, leaf = name.rpartition(".")
            part = fresh.get_submodule(owner)
            (part._parameters if leaf in part._parameters else part._buffers)[leaf] = tensor
    fresh.tie_weights()
    missing = [n for n, t in [*fresh.named_parameters(), *fresh.named_buffers()] if t.is_meta]
    if missing:
        raise DoesNotFitError(f"the bridge does not show {missing[0]} of the model it wraps")
    _unbridged_modules[bridged] = fresh
    return fresh


# Of bridged models that were compared: the state of the tensors, and what was left behind.
_compared: weakref.WeakKeyDictionary[nn.Module, tuple[int, str | None]]
_compared = weakref.WeakKeyDictionary()


def _require_one_mind(bridged: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Joint projections are left behind when their parts are trained on, which the bridge runs."""
    joints = joints_of(bridged)
    state = state_of(tensors[name] for joint in joints for name in (joint.whole, *joint.parts))
    if _compared.get(bridged, (None, None))[0] != state:
        behind = next((joint.whole for joint in joints if not joint.holds(tensors)), None)
        _compared[bridged] = state, behind
    behind = _compared[bridged][1]
    if behind is not None:
        raise DoesNotFitError(f"the bridge runs with other weights than those of {behind}")
