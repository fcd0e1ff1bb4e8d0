"""What is shown of a model's attention is causal attention over tokens, or the model is refused."""

from __future__ import annotations

import weakref

import torch
from jaxtyping import Float
from torch import Tensor, nn

from induction_kernels.attention.hooked import visit_attention
from induction_kernels.attention.reach import way_to
from induction_kernels.errors import InductionError, UnsupportedModelError
from induction_kernels.models.bridges import clean
from induction_kernels.models.model import Model

# The layers that attend, of modules that were checked. Weak: a checked model can be freed.
_known: weakref.WeakKeyDictionary[nn.Module, tuple[int, ...]] = weakref.WeakKeyDictionary()


def layers_that_attend(model: Model) -> tuple[int, ...]:
    """The layers that show a pattern; those of a hybrid model that do not attend show none.

    Looked at once, on eight tokens.

    Raises:
        InductionError: attention that is not finite.
        UnsupportedModelError: patterns that are not causal attention, or none.
    """
    if model.module not in _known:
        n = min(8, model.n_ctx, model.d_vocab)
        tokens = torch.arange(n, device=model.device).flip(0)[None]
        shown: list[int] = []

        def check(layer: int, pattern: Tensor, _scores: Tensor | None) -> None:
            shown.append(layer)
            check_pattern(model, layer, pattern)

        visit_attention(model, tokens, check)
        _check_layers(model, shown)
        _known[model.module] = tuple(sorted(shown))
    return _known[model.module]


def _check_layers(model: Model, shown: list[int]) -> None:
    kinds = way_to(model).kinds_of_layers()
    hidden = [la for la, kind in enumerate(kinds) if la not in shown and _attends(kind)]
    if not shown or hidden:
        what = f"of layer {hidden[0]} ({kinds[hidden[0]]})" if hidden else "of any layer"
        raise UnsupportedModelError(
            f"{model.name} shows no attention pattern {what}: it attends in another way than by a "
            "softmax over tokens, or does not let it be seen.",
            "State-space and recurrent models have no patterns. Where it was loaded with another "
            'attn_implementation, load it with "eager".',
        )
    if len(set(shown)) != len(shown) or max(shown) >= model.n_layers:
        raise UnsupportedModelError(
            f"{model.name} has {model.n_layers} layers and shows attention of {sorted(shown)}.",
            "Pass a model in which every layer runs once.",
        )


def _attends(kind: str) -> bool:
    return kind == "hybrid" or ("attention" in kind and "linear" not in kind)


def check_pattern(model: Model, layer: int, pattern: Float[Tensor, "batch head query key"]) -> None:
    """Refuse a pattern that is not causal attention.

    Raises:
        InductionError: it is not finite; says which head.
        UnsupportedModelError: mass above the diagonal, rows that do not sum to 1, or another number
            of heads than the model has.
    """
    if pattern.shape[1] != model.n_heads:
        raise UnsupportedModelError(
            f"Layer {layer} of {model.name} has {pattern.shape[1]} heads, its configuration says "
            f"{model.n_heads}.",
            "Only models with equally many heads in every layer are supported.",
        )
    if not pattern.isfinite().all():
        head = int((~pattern.isfinite()).flatten(2).any(-1).any(0).nonzero()[0])
        raise InductionError(
            f"The attention of {model.head_name(layer, head)} in {model.name} is not finite.",
            f"{_broken_weights(model)} Load intact weights.",
        )
    above = float(pattern.triu(1).abs().max())
    if above > 1e-6:
        raise UnsupportedModelError(
            f"{model.name} attends to later tokens (layer {layer} puts {above:.3g} above the "
            "diagonal), so it is not causal.",
            "Pass a decoder-only language model.",
        )
    tolerance = 1e-4 if pattern.dtype == torch.float32 else 2e-2
    sums = pattern.float().sum(-1)
    has_sinks = way_to(model).has_sinks()
    off = (sums - 1).clamp(min=0) if has_sinks else (sums - 1).abs()
    if (far := float(off.max())) > tolerance:
        raise UnsupportedModelError(
            f"Attention rows of layer {layer} in {model.name} sum to 1 only within {far:.3g}.",
            "Rows that are not a softmax over tokens are not supported.",
        )


def _broken_weights(model: Model) -> str:
    for name, parameter in model.module.named_parameters():
        if not parameter.isfinite().all():
            return f"Its weights {clean(name)} hold NaN or infinity."
    return "Its weights are finite, so the numbers overflow in the forward pass."
