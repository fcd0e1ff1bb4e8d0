"""Weights into a model that already exists: all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from induction_kernels.errors import CheckpointError


def swap_weights(module: nn.Module, weights: Mapping[str, Tensor], where: str) -> None:
    """Copy a state dict into `module` in place; storage, device and dtype stay the module's.

    Everything is checked before the first byte is copied, so a refused checkpoint leaves the
    module as it was.

    Args:
        weights: a whole state dict, under the module's own names or, for a TransformerBridge,
            under TransformerLens' names or the wrapped model's.
        where: which checkpoint this is, for the error.

    Raises:
        CheckpointError: missing or unknown names, shapes that do not fit, or a bridge whose
            weights were folded.
    """
    if getattr(module, "compatibility_mode", False):
        raise CheckpointError(
            f"{where} holds raw weights, and the model is in TransformerLens' compatibility mode.",
            "Load checkpoints into a bridge on which enable_compatibility_mode() was not called.",
        )
    targets = _targets(module)
    unknown = sorted(set(weights) - set(targets))
    if unknown:
        raise CheckpointError(
            f"{where} has {unknown[0]!r}, which the model does not.",
            _names(unknown, "more unknown names", targets),
        )
    missing = _unwritten(targets, weights)
    if missing:
        raise CheckpointError(
            f"{where} lacks {missing[0]!r}.", _names(missing, "more are missing", weights)
        )
    for name, value in weights.items():
        _check_shape(name, value, targets[name], where)
    with torch.no_grad():
        for name, value in weights.items():
            targets[name].copy_(value)


def _targets(module: Any) -> dict[str, Tensor]:
    """Every name a checkpoint may use for a weight, and the tensor it writes to.

    A bridge shows one weight under several names (its own, the wrapped model's, and views such as
    the q of a joint qkv); all of them are the same storage.
    """
    original = getattr(module, "original_model", None)
    if original is None:
        return dict(module.state_dict(keep_vars=True))
    wrapped = {
        name.replace("._original_component", ""): tensor
        for name, tensor in original.state_dict(keep_vars=True).items()
    }
    return wrapped | {n: t for n, t in module.state_dict().items() if n not in wrapped}


def _unwritten(targets: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> list[str]:
    """Parameters of which `weights` leaves a part as it is; tied and split ones count as one.

    A bridge's go by TransformerLens' names, which come last in `targets`.
    """
    names = {target.data_ptr(): name for name, target in targets.items()}
    covered: dict[int, dict[int, int]] = {}
    for name in weights:
        target = targets[name]
        parts = covered.setdefault(target.untyped_storage().data_ptr(), {})
        parts[target.data_ptr()] = max(target.numel(), parts.get(target.data_ptr(), 0))
    return sorted(
        {
            names[target.data_ptr()]
            for target in targets.values()
            if isinstance(target, nn.Parameter)
            and sum(covered.get(target.untyped_storage().data_ptr(), {}).values()) < target.numel()
        }
    )


def _check_shape(name: str, value: Tensor, target: Tensor, where: str) -> None:
    if value.shape != target.shape:
        raise CheckpointError(
            f"{name} in {where} has shape {tuple(value.shape)}; the model's is "
            f"{tuple(target.shape)}.",
            "It belongs to a model of another size.",
        )


def _names(found: list[str], what: str, others: Mapping[str, Tensor]) -> str:
    more = f"{len(found) - 1} {what}. " if len(found) > 1 else ""
    return f"{more}Names there look like {next(iter(others), '(none)')!r}."
