"""Numbers of heads that somebody else computed, as scores have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from induction_kernels.errors import InductionError


def as_grid(values: Any, name: str, shape: tuple[int, int]) -> Float[Tensor, "layer head"]:
    """What a function or a file gave, as float32 on the CPU; NaN stays where there is no number.

    Args:
        values: a tensor, an array, nested lists, or an xarray.DataArray with dims layer and head.
        shape: layers and heads of the model.

    Raises:
        InductionError: another shape, no numbers, none but NaN, or infinity; names the head.
    """
    if hasattr(values, "dims") and {"layer", "head"} <= set(values.dims):
        others = [dim for dim in values.dims if dim not in {"layer", "head"}]
        values = values.transpose(*others, "layer", "head")
    try:
        given = values.detach().cpu() if isinstance(values, Tensor) else np.asarray(values)
        grid = torch.as_tensor(given)
        if grid.is_complex():
            raise TypeError("complex numbers")
        grid = grid.float()
    except (TypeError, ValueError, RuntimeError) as error:
        raise InductionError(
            f"{name} gave {type(values).__name__}, which is no array of numbers ({error}).",
            _wanted(shape),
        ) from error
    if tuple(grid.shape) != shape:
        raise InductionError(f"{name} gave the shape {tuple(grid.shape)}.", _wanted(shape))
    if grid.isinf().any():
        layer, head = grid.isinf().nonzero()[0].tolist()
        raise InductionError(f"{name} of L{layer}H{head} is infinite in float32.")
    if grid.isnan().all():
        raise InductionError(f"{name} is no number (NaN) for any head.")
    return grid.clone()


def _wanted(shape: tuple[int, int]) -> str:
    return f"It has to be one number a head, [layer, head] of shape {shape}."
