"""A model lent to a function that may change it: what it changed is noticed and undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from induction_kernels.checkpoints.copies import in_memory
from induction_kernels.checkpoints.hooks import of_a_library
from induction_kernels.models.bridges import wrapped_by
from induction_kernels.models.model import Model
from induction_kernels.restoring import restoring

#: Of a module: what is in it, by name, and the functions that a pass meets there.
_PARTS = ("_parameters", "_buffers", "_modules")
_HOOKS = (
    "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks",
    "fwd_hooks", "bwd_hooks",
)  # fmt: skip
#: The implementation of attention that a configuration names.
_ATTENTION = "_attn_implementation_internal"
#: So many of one kind are named.
_NAMED = 3


@dataclass
class Lending:
    """Attributes:
    module: the model.
    changed: what was found changed when it came back, in words.
    """

    module: nn.Module
    changed: tuple[str, ...] = ()


@contextmanager
def lent(model: Model, seed: int = 0) -> Iterator[Lending]:
    """The model in evaluation mode, without gradients, its random numbers from `seed`. Afterwards
    weights, hooks, modes and the random numbers of others are what they were. It takes the memory
    of a second copy of the weights.

    Raises:
        InductionError: there is none, or another thread is running the model.
    """
    module = model.module
    lending = Lending(module)
    with model.evaluating(), _random(model, seed):
        with in_memory(model.name):
            before = _Before(module)

        def come_back() -> None:
            changed = tuple(before.undo())
            lending.changed = lending.changed or changed

        with restoring(come_back):
            yield lending


@contextmanager
def _random(model: Model, seed: int) -> Iterator[None]:
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield


class _Before:
    """A model as it was."""

    def __init__(self, module: nn.Module) -> None:
        wrapped = wrapped_by(module)
        inner = () if wrapped is None else wrapped.named_modules()
        self._modules = {part: name for name, part in (*inner, *module.named_modules())}
        self._parts = [_Part(name or "the model", part) for part, name in self._modules.items()]
        tensors = {
            id(one): (f"{name}.{key}" if name else key, one)
            for part, name in self._modules.items()
            for key, one in (*part._parameters.items(), *part._buffers.items())
            if one is not None
        }
        self._tensors = [_Numbers(name, one) for name, one in tensors.values()]
        self._grads = torch.is_grad_enabled()

    def undo(self) -> Iterator[str]:
        """Put everything back, and say what that was, kind by kind."""
        torch.set_grad_enabled(self._grads)
        yield from _said("parts", (one.name for one in self._parts if one.put_back_parts()))
        yield from _said("weights", (one.name for one in self._tensors if one.put_back()))
        yield from _said("hooks", (one.name for one in self._parts if one.put_back_hooks()))
        yield from _said("modes", (one.name for one in self._parts if one.put_back_modes()))
        yield from _said("gradients", (one.name for one in self._tensors if one.put_back_grad()))


def _said(kind: str, names: Iterable[str]) -> list[str]:
    every = list(names)
    if not every:
        return []
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return [f"{kind} of {', '.join(every[:_NAMED])}{more}"]


class _Part:
    """One module: what it consists of, its hooks and its modes."""

    def __init__(self, name: str, part: nn.Module) -> None:
        self.name, self._part = name, part
        held = vars(part)
        #: TransformerLens wraps its user's functions there, and has none of its own.
        self._all_users = "fwd_hooks" in held
        self._of = {key: (held[key], dict(held[key])) for key in _PARTS}
        self._hooks = {key: (held[key], _copied(held[key])) for key in _HOOKS if held.get(key)}
        self._forward = held.get("forward")
        self._training = part.training
        self._config = getattr(part, "config", None)
        self._attention = getattr(self._config, _ATTENTION, None)

    def put_back_parts(self) -> bool:
        changed = False
        for key, (held, before) in self._of.items():
            now = vars(self._part)[key]
            same = now is held and list(now) == list(before)
            if not same or any(now[name] is not before[name] for name in before):
                changed = True
                held.clear()
                held.update(before)
                vars(self._part)[key] = held
        return changed

    def put_back_hooks(self) -> bool:
        """A library's own, which hand out what passes through them, stay."""
        changed = False
        for key in _HOOKS:
            now = vars(self._part).get(key)
            if now is None:
                continue
            _, before = self._hooks.get(key, (now, type(now)()))
            if self._users(now) != self._users(before):
                changed = True
                _refill(now, before)
        forward = vars(self._part).get("forward")
        if forward is not self._forward and not of_a_library(forward):
            changed = True
            vars(self._part).pop("forward", None)
            if self._forward is not None:
                self._part.forward = self._forward
        return changed

    def _users(self, hooks: Any) -> list[int]:
        """Those that are no library's, each by its identity."""
        every: Iterable[Any] = hooks.values() if hasattr(hooks, "values") else hooks
        return [id(hook) for hook in every if self._all_users or not of_a_library(hook)]

    def put_back_modes(self) -> bool:
        changed = self._part.training != self._training
        self._part.training = self._training
        if getattr(self._config, _ATTENTION, None) != self._attention:
            setattr(self._config, _ATTENTION, self._attention)
            changed = True
        return changed


def _copied(hooks: Any) -> Any:
    return type(hooks)(hooks)


def _refill(hooks: Any, before: Any) -> None:
    hooks.clear()
    fill: Callable[[Any], None] = hooks.update if hasattr(hooks, "update") else hooks.extend
    fill(before)


class _Numbers:
    """One tensor of a model, and a copy of it."""

    def __init__(self, name: str, tensor: Tensor) -> None:
        self.name, self._tensor = name, tensor
        self._kept = tensor.detach().clone()
        self._requires_grad, self._grad = tensor.requires_grad, tensor.grad

    def put_back(self) -> bool:
        now, before = self._tensor.detach(), self._kept
        alike = (now.shape, now.dtype, now.device) == (before.shape, before.dtype, before.device)
        if alike and (torch.equal(now, before) or _equal_but_for_nan(now, before)):
            return False
        with torch.no_grad():
            if alike:
                now.copy_(before)
            else:
                self._tensor.data = before.clone()
        return True

    def put_back_grad(self) -> bool:
        changed = self._tensor.grad is not self._grad
        changed |= self._tensor.requires_grad != self._requires_grad
        self._tensor.grad = self._grad
        if self._tensor.is_leaf:
            self._tensor.requires_grad_(self._requires_grad)
        return changed


def _equal_but_for_nan(now: Tensor, before: Tensor) -> bool:
    return now.is_floating_point() and torch.allclose(now, before, rtol=0, atol=0, equal_nan=True)
