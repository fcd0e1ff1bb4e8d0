"""The one door for models: a model is let in once its attention was looked at.

So it is in this room, and not with what a model is: that knows nothing of attention.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from induction_kernels.attention.check import layers_that_attend
from induction_kernels.attention.key_heads import key_heads
from induction_kernels.errors import InductionError, UnsupportedModelError
from induction_kernels.models.attention_only import is_attention_only, of_attention_only
from induction_kernels.models.hugging_face import is_hugging_face, of_hugging_face
from induction_kernels.models.known import known_of, name_of, refuse_mixture
from induction_kernels.models.model import Model
from induction_kernels.models.refusals import HOW_TO, refuse_without_values
from induction_kernels.models.transformer_lens import is_transformer_lens, of_transformer_lens


def as_model(model: Any, tokenizer: Any | None = None, *, name: str | None = None) -> Model:
    """The one view of `model` that every kernel takes.

    Args:
        model: a TransformerBridge, a HookedTransformer, a Hugging Face causal LM, a pair
            (model, tokenizer), or what this function returned before.
        tokenizer: for a model that brings none. Without one, scores and patterns of token ids
            work and text prompts do not.
        name: for titles and provenance; otherwise what the model calls itself.

    Raises:
        UnsupportedModelError: (a TypeError) an encoder, a model without causal attention, or
            something that is no model.
        InductionError: attention that is not finite, as NaN weights give, or a model into which
            the weights of a checkpoint were copied in part.
    """
    if isinstance(model, Model):
        refuse_mixture(model.module)
        return model
    if isinstance(model, tuple) and len(model) == 2:
        model, tokenizer = model
    if not isinstance(model, nn.Module):
        raise UnsupportedModelError(f"{type(model).__name__} is not a model.", HOW_TO)
    refuse_mixture(model)
    refuse_without_values(model, name_of(model, name))
    known_tokenizer, known_name = known_of(model)
    tokenizer, name = tokenizer or known_tokenizer, name or known_name
    if is_transformer_lens(model):
        view = of_transformer_lens(model, tokenizer, name)
    elif is_hugging_face(model):
        view = of_hugging_face(model, tokenizer, name)
    elif is_attention_only(model):
        view = of_attention_only(model, tokenizer, name)
    else:
        raise UnsupportedModelError(
            f"{type(model).__name__} has neither TransformerLens hooks nor Transformers' attention "
            "interface, so its attention cannot be read.",
            HOW_TO,
        )
    view.attending, view.key_heads = _look_at(view)
    return view


def _look_at(model: Model) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The layers that attend, and how many heads of keys each layer has.

    Raises:
        UnsupportedModelError: attention that cannot be read, or a model that cannot be run at all.
    """
    try:
        return layers_that_attend(model), key_heads(model)
    except (InductionError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # of the model's own code, which may do anything
        raise UnsupportedModelError(
            f"{model.name} cannot be run on a few tokens: {type(error).__name__}: "
            f"{next(iter(str(error).splitlines()), '').rstrip('.')}.",
            "See that model(input_ids=torch.tensor([[0, 1, 2]])) runs before passing it.",
        ) from error
