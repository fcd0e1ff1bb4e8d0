"""What fused attention leaves of a layer, and rows of its patterns made of it."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from induction_kernels.attention.kernels import Softmax


@dataclass(frozen=True, eq=False)
class LayerAttention:
    """One layer's attention, ready to be read where it matters.

    Attributes:
        q, k: after rotation; heads of a group share their keys.
        lse: log-sum-exp of the rows of S, and of their sinks.
    """

    layer: int
    q: Float[Tensor, "batch head pos d_head"]
    k: Float[Tensor, "batch kv_head pos d_head"]
    lse: Float[Tensor, "batch head pos"]
    softmax: Softmax

    def rows(self, head: int, start: int, stop: int) -> Float[Tensor, "batch row key"]:
        """Rows start..stop-1 of a head's pattern, up to the last key they can see; float32."""
        kv_head = head * self.k.shape[1] // self.q.shape[1]
        q, k = self.q[:, head, start:stop].float(), self.k[:, kv_head, :stop].float()
        allowed, bias = (
            None if of is None else of[:, min(head, of.shape[1] - 1), start:stop, :stop]
            for of in (self.softmax.allowed, self.softmax.bias)
        )
        a = (self.softmax.scores(q @ k.mT, bias) - self.lse[:, head, start:stop, None]).exp()
        return a.tril(diagonal=start) if allowed is None else a * allowed
