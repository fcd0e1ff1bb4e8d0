"""A forward pass for its output alone, the cheapest way that the model allows."""

from __future__ import annotations

from jaxtyping import Int
from torch import Tensor

from induction_kernels.attention.reach import way_to
from induction_kernels.models.model import Model
from induction_kernels.models.outputs import Output


def run(model: Model, tokens: Int[Tensor, "batch pos"]) -> Output:
    """Run the model on `tokens`; nothing of its attention is looked at."""
    with model.evaluating():
        return way_to(model).run(tokens.to(model.device))
