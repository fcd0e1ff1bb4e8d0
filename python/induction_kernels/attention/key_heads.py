"""Which heads share their keys and values: of how many each layer's attention is made.

Read off what the layers hand over, not off the configuration: that may call it otherwise, say it
of some layers only, or name a number that its attention does not keep to.
"""

from __future__ import annotations

import weakref

import torch
from torch import Tensor, nn

from induction_kernels.attention.kernels import Softmax, attend_plainly
from induction_kernels.attention.reach import way_to
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.models.model import Model

# Of modules that were looked at. Weak: such a module can be freed.
_known: weakref.WeakKeyDictionary[nn.Module, tuple[int, ...]] = weakref.WeakKeyDictionary()


def key_heads(model: Model) -> tuple[int, ...]:
    """How many heads of keys and values each layer has; 0 where that cannot be seen, and of layers
    without attention. With g of them, head h reads keys and values h * g // n_heads.

    Looked at once, on two tokens. Where the attention is not handed over, TransformerLens' word is
    taken, and of Hugging Face models none.
    """
    if model.module not in _known:
        _known[model.module] = _look_at(model)
    return _known[model.module]


def _look_at(model: Model) -> tuple[int, ...]:
    found = [0] * model.n_layers

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> Tensor:
        if q.shape[1] == model.n_heads and k.shape[1] == v.shape[1]:
            found[layer] = k.shape[1]
        return attend_plainly(layer, q, k, v, softmax)

    way = way_to(model)
    tokens = torch.arange(min(2, model.n_ctx, model.d_vocab), device=model.device)[None]
    try:
        with model.evaluating():
            way.fused().body(tokens, attend)
    except DoesNotFitError:
        return (way.said_key_heads(),) * model.n_layers
    return tuple(found)
