"""A forward pass for its output alone, the cheapest way that the model allows."""

from __future__ import annotations

from functools import partial

from jaxtyping import Int
from torch import Tensor

from induction_kernels.attention.fused import run_fused
from induction_kernels.attention.hooked import visit_attention
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.models.model import Model
from induction_kernels.models.outputs import Output, cut_or_whole, run_hugging_face


def run(model: Model, tokens: Int[Tensor, "batch pos"]) -> Output:
    """Run the model on `tokens`; nothing of its attention is looked at."""
    tokens = tokens.to(model.device)
    if model.kind == "hugging_face":
        with model.evaluating():
            return cut_or_whole(partial(run_hugging_face, model.module, tokens))
    try:
        return run_fused(model, tokens, lambda _: None)
    except DoesNotFitError:
        return Output.of_logits(visit_attention(model, tokens, lambda *_: None))
