"""Transformers' attention interface: a model's attention, done by whoever asks.

A model on the interface hands over the queries, keys, values and mask of each layer, and as
keyword arguments whatever else its attention depends on. An argument that is not known here may
change the pattern, so it ends the pass: what is not understood is read another way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from induction_kernels.attention.alibi import handing_over, has_alibi
from induction_kernels.attention.installed import installed
from induction_kernels.attention.kernels import Softmax
from induction_kernels.attention.layers import layer_within
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.models.outputs import NotCutHereError
from induction_kernels.restoring import restoring

# Called with the layer, q, k, v [batch, head, pos, d_head] (fewer heads of k and v where they are
# grouped) and how they become a pattern; returns [batch, head, pos, d_value].
Attend = Callable[[int, Tensor, Tensor, Tensor, Softmax], Tensor]

_NAME = "induction_kernels"
_current = threading.local()

#: Arguments that change nothing in a pass of whole rows without cache and dropout. Windows are in
#: the mask; positions are in the queries and keys.
_WITHOUT_EFFECT = frozenset(
    {
        "dropout", "sliding_window", "is_causal", "position_ids", "cache_position", "use_cache",
        "cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k", "deterministic",
        "logits_to_keep",
    }
)  # fmt: skip


@contextmanager
def attending(module: Any, attend: Attend) -> Iterator[list[int]]:
    """Within this context `attend` does the attention of a Hugging Face model.

    Gives the list of the layers that were attended to so far in a pass.

    Raises:
        DoesNotFitError: the model is not on the interface and has no ALiBi that is known; or, in
            its forward pass, attention that depends on what is not known here.
    """
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(_NAME, _call)
    # Gives no mask at all where attention is simply causal, so nothing is quadratic.
    AttentionMaskInterface.register(_NAME, sdpa_mask)
    with restoring(partial(_attend_again, vars(_current).copy())), _handed_over(module):
        _current.module, _current.attend, _current.layers = module, attend, []
        yield _current.layers


def _attend_again(outer: dict[str, Any]) -> None:
    vars(_current).clear()
    vars(_current).update(outer)


def _handed_over(module: Any) -> AbstractContextManager[None]:
    return handing_over(module, _call) if has_alibi(module) else installed(module, _NAME)


def _call(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    sinks: Tensor | None = None,
    position_bias: Tensor | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    given = {name: value for name, value in others.items() if value is not None}
    name = type(module).__name__
    for unknown in given.keys() - _WITHOUT_EFFECT:
        if not unknown.startswith("output_"):  # what the forward pass shall return
            raise DoesNotFitError(f"{name} computes attention with {unknown!r}")
    causal = given.get("is_causal", getattr(module, "is_causal", True))
    if attention_mask is None and not causal:
        raise DoesNotFitError(f"{name} attends in both directions")
    if query.shape[-2] != key.shape[-2]:
        raise NotCutHereError(f"{name} attends from a part of the tokens")
    layer = layer_within(_current.module, module)
    if layer is None:
        raise DoesNotFitError(f"{name} does not say which layer it is")
    if layer in _current.layers:
        raise DoesNotFitError(f"{name} attends more than once in layer {layer}")
    _current.layers.append(layer)
    allowed, bias = _taken_apart(attention_mask)
    softmax = Softmax(
        query.shape[-1] ** -0.5 if scaling is None else scaling,
        allowed,
        softcap,
        bias if position_bias is None else position_bias if bias is None else bias + position_bias,
        _by_row(s_aux if sinks is None else sinks),
    )
    out = _current.attend(layer, query, key, value, softmax)
    return out.transpose(1, 2).contiguous(), None


def _taken_apart(mask: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    """The cells that a mask allows, and what it adds to them; one of numbers may do both."""
    if mask is None or mask.dtype == torch.bool:
        return mask, None
    allowed = mask > torch.finfo(mask.dtype).min / 2
    bias = mask.masked_fill(~allowed, 0)
    return allowed, bias if bias.any() else None


def _by_row(sinks: Tensor | None) -> Tensor | None:
    """Sinks by [head], or by [batch, head, query, 1], as [batch, head, query]."""
    return (
        sinks if sinks is None else sinks.squeeze(-1) if sinks.ndim == 4 else sinks[None, :, None]
    )
