"""Projections that a TransformerBridge has twice: joint, as in the model it wraps, and in parts.

Its forward pass multiplies by the parts, queries, keys and values apart; published checkpoints and
the wrapped model have them joint. Some bridges let both be one storage, copies of them never do.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from induction_kernels.models.bridges import bare, clean
from induction_kernels.restoring import shapes_only

#: Makes linear layers of the parts of a module's projection.
Split = Callable[[nn.Module], tuple[nn.Module, ...]]


@dataclass(frozen=True, eq=False)
class Joint:
    """One weight or bias.

    Attributes:
        whole: the name of the joint one in the wrapped model, as it is without the bridge.
        parts: by name, which of the whole's outputs each part has.
        transposed: whether the whole is a weight [in, out], as GPT-2 keeps it; parts never are.
    """

    whole: str
    parts: dict[str, Int[Tensor, " output"]]
    transposed: bool

    def part(self, name: str, whole: Float[Tensor, "..."]) -> Float[Tensor, "part *rest"]:
        """What the whole says of a part."""
        return (whole.T if self.transposed else whole)[self.parts[name].to(whole.device)]

    def joined(self, parts: Mapping[str, Tensor]) -> Float[Tensor, "..."]:
        """What all parts say of the whole."""
        order = torch.cat(list(self.parts.values())).argsort()
        rows = torch.cat([parts[name] for name in self.parts])
        whole = rows[order.to(rows.device)]
        return whole.T if self.transposed else whole

    def holds(self, tensors: Mapping[str, Tensor]) -> bool:
        """Whether the whole and its parts are of one mind."""
        whole = tensors[self.whole]
        return all(
            tensors[name].untyped_storage().data_ptr() == whole.untyped_storage().data_ptr()
            or torch.equal(tensors[name], self.part(name, whole))
            for name in self.parts
        )


# Of wrapped models. Weak: they can be freed.
_known: weakref.WeakKeyDictionary[nn.Module, list[Joint]] = weakref.WeakKeyDictionary()


def joints_of(wrapped: nn.Module) -> list[Joint]:
    """The joint projections of the model inside a bridge."""
    if wrapped not in _known:
        _known[wrapped] = [
            joint
            for path, part in wrapped.named_modules()
            for name, split, parts in _splits_of(part)
            for joint in _joints(clean(path), bare(part), name, split, parts)
        ]
    return _known[wrapped]


def _splits_of(part: Any) -> Iterator[tuple[str, Split, tuple[str, ...]]]:
    """What a part of a bridge takes apart, its way of doing so, and what it calls the parts."""
    if hasattr(part, "split_qkv_matrix") and hasattr(part, "qkv"):
        yield part.qkv.name, part.split_qkv_matrix, ("q", "k", "v")
    if hasattr(part, "split_gate_up_matrix"):
        yield part.fused_attr, part.split_gate_up_matrix, ("gate", "in")


def _joints(
    path: str, original: nn.Module, name: str, split: Split, parts: tuple[str, ...]
) -> Iterator[Joint]:
    """The weight and the bias, found by having the numbers of their outputs taken apart."""
    linear = bare(getattr(original, name))
    transposed = type(linear).__name__ == "Conv1D"
    outputs, inputs = linear.weight.T.shape if transposed else linear.weight.shape
    # From 1 on: what a bridge fills up with zeros is no part.
    numbers = torch.arange(1, outputs + 1, dtype=torch.float32)
    numbered: Any = nn.Module()
    numbered.weight = numbers[:, None].expand(-1, inputs)
    if transposed:
        numbered.weight = numbered.weight.T
    numbered.bias = None if linear.bias is None else numbers
    stand_in = copy.copy(original)
    vars(stand_in)["_modules"] = original._modules | {name: numbered}
    # The layers that it makes are thrown away.
    made = dict(zip(parts, shapes_only(lambda: split(stand_in)), strict=True))
    for leaf in ("weight", "bias"):
        split_up = {
            f"{path}.{part}.{leaf}": (of if of.ndim == 1 else of[:, 0]).detach().long() - 1
            for part, layer in made.items()
            if (of := getattr(layer, leaf, None)) is not None and not of.is_meta
        }
        if split_up and torch.equal(
            torch.cat(list(split_up.values())).sort().values, torch.arange(outputs)
        ):
            yield Joint(f"{path}.{name}.{leaf}", split_up, transposed and leaf == "weight")
