"""Every layer's attention, handed to a visitor as the forward pass makes it, then forgotten.

None of the ways to it changes the model: hooks are gone and the attention implementation is put
back when `visit_attention` returns.
"""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.reach import way_to
from induction_kernels.attention.way import Visitor
from induction_kernels.models.model import Model


def visit_attention(
    model: Model, tokens: Int[Tensor, "batch pos"], visit: Visitor, *, scores: bool = False
) -> Float[Tensor, "batch pos d_vocab"]:
    """Run the model on `tokens`, show each layer's attention to `visit`, return the logits."""
    with model.evaluating():
        return way_to(model).visit(tokens.to(model.device), visit, scores)


def only_patterns(model: Model) -> str | None:
    """Why a model's scores before the softmax cannot be read, though its patterns can."""
    return way_to(model).only_patterns()
