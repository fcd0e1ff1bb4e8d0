"""ALiBi models whose attention is code of their own: BLOOM, MPT, the Falcons of RefinedWeb.

For a pass it is written as Transformers would write it on its attention interface. The model's own
projections go before and after it; queries, keys, values and the bias by distance (Press et al.
2022, arXiv:2108.12409) are handed over in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.restoring import own_forwards

#: Takes a part, its q, k and v, no mask, the scale, and the bias and unknown arguments by name, as
#: the interface does; returns [batch, pos, head, d_value] and no pattern.
HandOver = Callable[..., tuple[Tensor, None]]
Hidden = Float[Tensor, "batch pos d_model"]


def has_alibi(module: nn.Module) -> bool:
    """Whether there is attention that `handing_over` knows."""
    return any(type(part).__name__ in _FORWARDS for part in module.modules())


@contextmanager
def handing_over(module: nn.Module, call: HandOver) -> Iterator[None]:
    """Within this context the model's attention is done by `call`."""
    parts = [part for part in module.modules() if type(part).__name__ in _FORWARDS]
    with own_forwards(parts):
        for part in parts:
            part.forward = partial(_FORWARDS[type(part).__name__], part, call)
        yield


# Rows of a pass are whole: the mask is simply causal, and one row's bias is every row's. Nothing is
# dropped.


def _bloom(
    part: Any,
    call: HandOver,
    hidden_states: Hidden,
    residual: Hidden,
    alibi: Float[Tensor, "batch_head 1 key"],
    attention_mask: Tensor | None = None,
    **others: Any,
) -> tuple[Hidden, None]:
    q, k, v = part._reshape(part.query_key_value(hidden_states))
    bias = _of_keys(part.beta * alibi[: q.shape[1]])
    out, _ = call(part, q, k, v, None, part.inv_norm_factor, position_bias=bias, **others)
    return part.dense(out.flatten(2)) + residual, None


def _mpt(
    part: Any,
    call: HandOver,
    hidden_states: Hidden,
    position_bias: Float[Tensor, "head 1 longest"],
    attention_mask: Tensor | None = None,
    **others: Any,
) -> tuple[Hidden, None]:
    joint = part.Wqkv(hidden_states)
    if part.clip_qkv:
        joint = joint.clamp(-part.clip_qkv, part.clip_qkv)
    q, k, v = (x.unflatten(2, (part.n_heads, -1)).transpose(1, 2) for x in joint.chunk(3, dim=2))
    bias = _of_keys(position_bias[:, :, -q.shape[2] :])
    out, _ = call(part, q, k, v, None, part.softmax_scale, position_bias=bias, **others)
    return part.out_proj(out.flatten(2)), None


def _falcon(
    part: Any,
    call: HandOver,
    hidden_states: Hidden,
    alibi: Float[Tensor, "batch head 1 key"] | None,
    attention_mask: Tensor | None = None,
    position_embeddings: Any = None,
    **others: Any,
) -> tuple[Hidden, None]:
    if alibi is None:
        raise DoesNotFitError("FalconAttention rotates in code of its own")
    q, k, v = (x.transpose(1, 2) for x in part._split_heads(part.query_key_value(hidden_states)))
    bias = _of_keys(part.inv_norm_factor * alibi[0])
    out, _ = call(part, q, k, v, None, part.inv_norm_factor, position_bias=bias, **others)
    return part.dense(out.flatten(2)), None


def _of_keys(bias: Float[Tensor, "head 1 key"]) -> Float[Tensor, "1 head query key"]:
    return bias[None].expand(-1, -1, bias.shape[-1], -1)


_FORWARDS: dict[str, Callable[..., tuple[Tensor, None]]] = {
    "BloomAttention": _bloom,
    "MptAttention": _mpt,
    "FalconAttention": _falcon,
}
