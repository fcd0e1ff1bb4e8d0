"""Whether attention done here gives what the model's own attention gives.

Compared in one forward pass of a few tokens when a model is first met and when its weights have
changed, for a term that is zero in one checkpoint need not be in the next.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor, nn

from induction_kernels.attention.interface import attending
from induction_kernels.attention.kernels import Softmax, attention
from induction_kernels.attention.own import run_own
from induction_kernels.attention.unfit import DoesNotFitError

#: The largest relative difference of a row of logits. Half precision leaves more, and of a mixture
#: of experts now and then another expert, so there it is the middle one of the rows.
_TOLERANCE, _HALF_TOLERANCE = 3e-4, 5e-2
_TOKENS = 12

# Each module's weights when they were last compared, and why they do not fit. Weak: can be freed.
_known: weakref.WeakKeyDictionary[nn.Module, tuple[int, str | None]]
_known = weakref.WeakKeyDictionary()


def require_agreement(module: Any) -> None:
    """Compare, unless it was done with these weights.

    Raises:
        DoesNotFitError: the logits differ, or the model cannot be run with attention done here.
    """
    weights = _state_of(module)
    if module not in _known or _known[module][0] != weights:
        _known[module] = weights, _disagreement(module)
    why = _known[module][1]
    if why is not None:
        raise DoesNotFitError(why)


def _disagreement(module: Any) -> str | None:
    embedding = module.get_input_embeddings().weight
    numbers = torch.Generator().manual_seed(0)
    tokens = torch.randint(len(embedding), (1, _TOKENS), generator=numbers).to(embedding.device)
    try:
        with attending(module, _plain):
            ours = module(input_ids=tokens, use_cache=False).logits
    except DoesNotFitError as error:
        return str(error)
    own = run_own(module, tokens)
    off = (ours.float() - own.float()).norm(dim=-1) / own.float().norm(dim=-1)
    exact = own.dtype == torch.float32
    far = float(off.max() if exact else off.median())
    if not far <= (_TOLERANCE if exact else _HALF_TOLERANCE):
        return (
            f"with the attention that {type(module).__name__} hands over, its logits are off by "
            f"{far:.2g} of their size"
        )
    return None


def _plain(layer: int, q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> Tensor:
    return attention(q, k, v, softmax)[0]


def _state_of(module: nn.Module) -> int:
    """Changes when a tensor of the module is written to in place or replaced."""
    tensors = [*module.parameters(), *module.buffers()]
    return hash(tuple((t.data_ptr(), 0 if t.is_inference() else t._version) for t in tensors))
