"""State dicts of TransformerLens 2 and 3, for their own models and the bridges of the 4th."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from induction_kernels.errors import CheckpointError
from induction_kernels.models.bridges import wrapped_by

_HOOKED = re.compile(r"blocks\.\d+\.attn\._?W_[QKVO]")
#: Which HookedTransformer keeps beside the weights, and a configuration implies.
_TABLES = re.compile(r".*\.(mask|IGNORE|rotary_sin|rotary_cos)")


def is_hooked_transformers(weights: Mapping[str, Tensor]) -> bool:
    """Whether the names are HookedTransformer's: blocks.0.attn.W_Q."""
    return any(_HOOKED.fullmatch(name) for name in weights)


def by_the_models_names(
    weights: Mapping[str, Tensor], module: Any, where: str
) -> Mapping[str, Tensor]:
    """A HookedTransformer's weights as `module` has them, and any others as they are.

    Raises:
        CheckpointError: they belong to another configuration.
    """
    if not is_hooked_transformers(weights):
        return weights
    if wrapped_by(module) is not None:
        return of_a_bridge(weights, module.cfg, where)
    return _without_tables(weights)


def of_a_bridge(weights: Mapping[str, Tensor], cfg: Any, where: str) -> dict[str, Tensor]:
    """The same weights by the names, and in the shapes, of `TransformerBridge.boot_native(cfg)`.

    Raises:
        CheckpointError: they belong to another configuration.
    """
    from transformer_lens.utilities.tl_checkpoint_conversion import convert_tl_checkpoint

    try:
        converted: dict[str, Tensor] = convert_tl_checkpoint(_without_tables(weights), cfg)
    except ValueError as error:
        raise CheckpointError(
            f"{where} does not fit the model: {error}", "It belongs to another configuration."
        ) from error
    if "unembed.weight" in converted and "unembed.bias" not in converted:
        # Left out where it was never trained; HookedTransformer then took it to be 0.
        rows = len(converted["unembed.weight"])
        converted["unembed.bias"] = torch.zeros(rows, dtype=converted["unembed.weight"].dtype)
    return converted


def _without_tables(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in weights.items() if not _TABLES.fullmatch(name)}
