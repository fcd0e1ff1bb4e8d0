"""Weights into a model that already exists: all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from induction_kernels.errors import CheckpointError
from induction_kernels.models.bridges import clean, is_folded, wrapped_by
from induction_kernels.models.joint import Joint, joints_of
from induction_kernels.models.known import mixing
from induction_kernels.restoring import without_gradients
from induction_kernels.threads import by_one_thread

Pairs = list[tuple[Tensor, Tensor]]
Place = tuple[int, torch.Size]


def buffers_of(module: nn.Module) -> dict[str, Tensor]:
    """A copy of every buffer, by name."""
    return {name: buffer.detach().clone() for name, buffer in module.named_buffers()}


def fitted(
    module: nn.Module, weights: Mapping[str, Tensor], built: Mapping[str, Tensor], where: str
) -> Pairs:
    """Each tensor of `module` with what a checkpoint has for it; nothing is copied yet.

    Args:
        built: `buffers_of` the module as it was built. A checkpoint need not have them; those that
            it leaves out are not to be as another one, or the module's user, left them.
        weights: a whole state dict, under the module's own names or, for a TransformerBridge,
            under TransformerLens' names or the wrapped model's.
        where: which checkpoint this is, for the error.

    Raises:
        CheckpointError: missing or unknown names, shapes or dtypes that do not fit, numbers that
            overflow, two values for one weight, or a bridge whose weights were folded.
    """
    if is_folded(module):
        raise CheckpointError(
            f"{where} holds raw weights, and the model is in TransformerLens' compatibility mode.",
            "Load checkpoints into a bridge on which enable_compatibility_mode() was not called.",
        )
    if not weights:
        raise CheckpointError(
            f"{where} holds no weights.", "Give the whole state dict: model.state_dict()."
        )
    targets = _targets(module)
    unknown = sorted(set(weights) - set(targets))
    if unknown:
        raise CheckpointError(
            f"{where} has {unknown[0]!r}, which the model does not.",
            _names(unknown, "more unknown names", targets),
        )
    joints = _joints(module)
    weights = _completed(weights, targets, joints, where)
    missing = _unwritten(targets, weights, {_place(targets[joint.whole]) for joint in joints})
    if missing:
        raise CheckpointError(
            f"{where} lacks {missing[0]!r}.", _names(missing, "more are missing", weights)
        )
    for name, value in weights.items():
        _check_shape(name, value, targets[name], where)
        _check_dtype(name, value, targets[name], where)
    _check_tied(targets, weights, where)
    pairs = [(targets[name], value) for name, value in weights.items()]
    written = {target.data_ptr() for target, _ in pairs}
    for name, buffer in module.named_buffers():
        # One of another shape is a table that the module itself has made longer since.
        if name in built and built[name].shape == buffer.shape and buffer.data_ptr() not in written:
            pairs.append((buffer, built[name]))
    return pairs


def equal(pairs: Pairs) -> bool:
    """Whether `swap` would change nothing."""
    return all(torch.equal(target, value.to(target)) for target, value in pairs)


def swap(module: nn.Module, pairs: Pairs, where: str) -> None:
    """Copy what `fitted` found into `module`; storage, device and dtype stay the module's.

    Whatever interrupts this leaves a module that `as_model` refuses until it is swapped whole.

    Raises:
        InductionError: another thread is running the module.
    """
    with by_one_thread(module, f"The model for {where}"), without_gradients(), mixing(module):
        for target, value in pairs:
            target.copy_(value)


def _targets(module: Any) -> dict[str, Tensor]:
    """Every name a checkpoint may use for a weight, and the tensor it writes to.

    A bridge shows one weight under several names, its own and the wrapped model's.
    """
    original = wrapped_by(module)
    if original is None:
        return dict(module.state_dict(keep_vars=True))
    wrapped = {clean(name): tensor for name, tensor in original.state_dict(keep_vars=True).items()}
    return wrapped | {n: t for n, t in module.state_dict().items() if n not in wrapped}


def _place(target: Tensor) -> Place:
    """Equal for tensors that are one: a joint projection may begin where its first part does."""
    return target.data_ptr(), target.shape


def _joints(module: Any) -> list[Joint]:
    """The projections that a bridge has both joint and in parts, by names of `_targets`."""
    original = wrapped_by(module)
    return [] if original is None else joints_of(original)


def _completed(
    weights: Mapping[str, Tensor], targets: Mapping[str, Tensor], joints: list[Joint], where: str
) -> Mapping[str, Tensor]:
    """With what joint projections say of their parts, and the parts of them.

    Raises:
        CheckpointError: both are given, and differ.
    """
    given = {
        _place(targets[name]): name
        for name, value in weights.items()
        if value.shape == targets[name].shape
    }
    complete = dict(weights)
    for joint in joints:
        whole = given.get(_place(targets[joint.whole]))
        parts = {part: name for part in joint.parts if (name := given.get(_place(targets[part])))}
        if whole is not None:
            for part in joint.parts:
                value = joint.part(part, weights[whole])
                if part not in parts:
                    complete[part] = value
                elif not torch.equal(value, weights[parts[part]]):
                    raise CheckpointError(
                        f"{whole!r} and {parts[part]!r} differ in {where}, but are one weight.",
                        "Give it under one of these names.",
                    )
        elif len(parts) == len(joint.parts):
            complete[joint.whole] = joint.joined({part: weights[n] for part, n in parts.items()})
    return complete


def _unwritten(
    targets: Mapping[str, Tensor], weights: Mapping[str, Tensor], implied: set[Place]
) -> list[str]:
    """Parameters of which `weights` leaves a part as it is; tied ones count as one.

    A bridge's go by TransformerLens' names, which come last in `targets`.

    Args:
        implied: where parameters are of which others say all.
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
            and _place(target) not in implied
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


def _check_dtype(name: str, value: Tensor, target: Tensor, where: str) -> None:
    if not (value.is_floating_point() and target.is_floating_point()):
        if value.dtype != target.dtype:
            raise CheckpointError(
                f"{name} in {where} is {value.dtype}; the model's is {target.dtype}.",
                "Give whole floating-point weights: model.state_dict().",
            )
        return
    limit = torch.finfo(target.dtype).max
    if torch.finfo(value.dtype).max > limit and value.to(target.dtype).isinf().any():
        low, high = (float(extreme) for extreme in value.aminmax())
        raise CheckpointError(
            f"{name} in {where} reaches {max(low, high, key=abs):.3g}, and {target.dtype} ends at "
            f"{limit:.3g}.",
            f"Load the series as it was saved: series.to(dtype={value.dtype}).",
        )


def _check_tied(targets: Mapping[str, Tensor], weights: Mapping[str, Tensor], where: str) -> None:
    """Names of one tensor, as of tied embeddings, must bring it one value."""
    first: dict[Place, str] = {}
    for name, value in weights.items():
        target = targets[name]
        other = first.setdefault(_place(target), name)
        tied = weights[other]
        if value.data_ptr() != tied.data_ptr() and not torch.equal(value, tied):
            raise CheckpointError(
                f"{other!r} and {name!r} differ in {where}, but the model ties them: they are one "
                "weight.",
                "Give a model with tie_word_embeddings=False, or a checkpoint of a tied model.",
            )


def _names(names: list[str], what: str, others: Mapping[str, Tensor]) -> str:
    more = f"{len(names) - 1} {what}. " if len(names) > 1 else ""
    return f"{more}Names there look like {next(iter(others), '(none)')!r}."
