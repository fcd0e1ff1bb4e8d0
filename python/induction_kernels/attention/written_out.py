"""Attention with its pattern written out, for whoever wants to see it."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from induction_kernels.attention.interface import Attend
from induction_kernels.attention.kernels import Softmax, for_every_head
from induction_kernels.attention.way import Visitor


def showing(visit: Visitor, scores: bool) -> Attend:
    """Attention that shows each layer's pattern and, if asked to, the scores before the softmax."""

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> Tensor:
        pattern, s = _written_out(q, k, softmax)
        visit(layer, pattern, s if scores else None)
        return pattern.to(v.dtype) @ for_every_head(v, q.shape[1])

    return attend


def _written_out(
    q: Float[Tensor, "batch head pos d_head"],
    k: Float[Tensor, "batch kv_head pos d_head"],
    softmax: Softmax,
) -> tuple[Float[Tensor, "batch head pos pos"], Float[Tensor, "batch head pos pos"]]:
    """The pattern, float32, and the scores before the softmax."""
    s = softmax.scores(q @ for_every_head(k, q.shape[1]).mT, softmax.bias)
    allowed = softmax.allowed
    if allowed is None:
        allowed = torch.ones_like(s[0, 0], dtype=torch.bool).tril()
    s = s.masked_fill(~allowed, -math.inf)
    if softmax.sinks is None:
        return s.softmax(-1, dtype=torch.float32), s
    sinks = softmax.sinks[..., None].to(s.dtype).expand(*s.shape[:3], 1)
    return torch.cat([s, sinks], -1).softmax(-1, dtype=torch.float32)[..., :-1], s
