"""How a model's attention is reached: here alone it is asked what kind of model it is."""

from __future__ import annotations

from induction_kernels.attention.attention_only import OfAttentionOnly
from induction_kernels.attention.hugging_face import OfHuggingFace
from induction_kernels.attention.transformer_lens import OfTransformerLens
from induction_kernels.attention.way import Way
from induction_kernels.models.model import Model

_WAYS: dict[str, type[OfTransformerLens | OfHuggingFace | OfAttentionOnly]] = {
    "transformer_lens": OfTransformerLens,
    "hugging_face": OfHuggingFace,
    "attention_only": OfAttentionOnly,
}


def way_to(model: Model) -> Way:
    return _WAYS[model.kind](model)
