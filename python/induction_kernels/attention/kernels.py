"""Fused attention that gives the log-sum-exp of every row of S beside its output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

#: Bytes of S in memory at a time, where no fused kernel can be taken.
_BLOCK_BYTES = 32 << 20


@dataclass(frozen=True, eq=False)
class Softmax:
    """How a layer's queries and keys become its pattern.

    S = scale q·k, capped to cap tanh(S / cap), plus bias; A is the softmax of S over the cells that
    are allowed. A sink takes part in the softmax as one more cell that belongs to no token, so the
    rows of A then sum to less than 1.

    Attributes:
        allowed: the cells that are not masked; None where attention is simply causal.
        bias: such as ALiBi's, by distance.
        sinks: the score of the sink of each head, and of each query where they differ.
    """

    scale: float
    allowed: Bool[Tensor, "#batch #head pos pos"] | None = None
    cap: float | None = None
    bias: Float[Tensor, "#batch #head pos pos"] | None = None
    sinks: Float[Tensor, "#batch head #pos"] | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is the same for every row of a batch and every head."""
        return self.allowed is None and self.bias is None and self.sinks is None

    def scores(
        self, products: Float[Tensor, "..."], bias: Float[Tensor, "..."] | None
    ) -> Float[Tensor, "..."]:
        """S of cells, from q·k and the bias of the same cells."""
        s = self.scale * products
        if self.cap is not None:
            s = self.cap * (s / self.cap).tanh()
        return s if bias is None else s + bias

    def blocks(
        self,
        q: Float[Tensor, "batch head pos d_head"],
        k: Float[Tensor, "batch kv_head pos d_head"],
    ) -> Iterator[tuple[slice, Float[Tensor, "batch head row key"]]]:
        """S a few rows at a time up to the last key they can see, -∞ where it is masked."""
        k = for_every_head(k, q.shape[1]).float()
        batch, heads, n, _ = q.shape
        size = max(1, _BLOCK_BYTES // (4 * batch * heads * n))
        for start in range(0, n, size):
            rows, keys = slice(start, min(start + size, n)), slice(0, min(start + size, n))
            bias = None if self.bias is None else self.bias[:, :, rows, keys]
            s = self.scores(q[:, :, rows].float() @ k[:, :, keys].mT, bias)
            if self.allowed is None:
                visible = torch.ones_like(s[0, 0], dtype=torch.bool).tril(start)
            else:
                visible = self.allowed[:, :, rows, keys]
            yield rows, s.masked_fill(~visible, -torch.inf)


def attention(
    q: Float[Tensor, "batch head pos d_head"],
    k: Float[Tensor, "batch kv_head pos d_head"],
    v: Float[Tensor, "batch kv_head pos d_value"],
    softmax: Softmax,
) -> tuple[Float[Tensor, "batch head pos d_value"], Float[Tensor, "batch head pos"]]:
    """Attention's output and its rows' log-sum-exp, by the fused kernel of the device.

    Where there is none, or scores are capped, S is computed a few rows at a time; and under
    gradients wherever they would flow through the log-sum-exp or a bias, of which kernels know
    none.
    """
    kernel = _KERNELS.get(q.device.type)
    if kernel is None or softmax.cap is not None or _is_beyond_kernels(softmax):
        out, lse = _in_blocks(q, k, v, softmax)
    else:
        width = max(q.shape[-1], v.shape[-1])  # the kernels know one only
        out, lse = kernel(_padded(q, width), _padded(k, width), _padded(v, width), softmax)
        out = out[..., : v.shape[-1]]
    if softmax.sinks is not None:
        with_sink = torch.logaddexp(lse, softmax.sinks.to(lse.dtype).expand_as(lse))
        out = out * (lse - with_sink).exp()[..., None].to(out.dtype)
        lse = with_sink
    return out, lse


def _is_beyond_kernels(softmax: Softmax) -> bool:
    if not torch.is_grad_enabled():
        return False
    return softmax.sinks is not None or (softmax.bias is not None and softmax.bias.requires_grad)


def _padded(x: Tensor, width: int) -> Tensor:
    missing = width - x.shape[-1]
    return nn.functional.pad(x, (0, missing)) if missing else x


def for_every_head(
    grouped: Float[Tensor, "batch kv_head pos d_head"], heads: int
) -> Float[Tensor, "batch head pos d_head"]:
    """Keys or values of groups of heads, once for each head."""
    group = heads // grouped.shape[1]
    if group == 1:
        return grouped
    return grouped[:, :, None].expand(-1, -1, group, -1, -1).flatten(1, 2)


def attend_plainly(_layer: int, q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> Tensor:
    """As a model does that nobody looks into: `Attend` of attention/interface.py."""
    return attention(q, k, v, softmax)[0]


def _in_blocks(q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> tuple[Tensor, Tensor]:
    outs, lses = [], []
    values = for_every_head(v, q.shape[1])
    for _, s in softmax.blocks(q, k):
        lse = s.logsumexp(-1)
        a = (s - lse[..., None]).exp().to(v.dtype)
        outs.append(a @ values[:, :, : s.shape[-1]])
        lses.append(lse)
    return torch.cat(outs, 2), torch.cat(lses, 2)


def _on_cpu(q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> tuple[Tensor, Tensor]:
    flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    added = _added(softmax, q)
    k, v = for_every_head(k, q.shape[1]), for_every_head(v, q.shape[1])
    out, lse = flash(q, k, v, is_causal=added is None, attn_mask=added, scale=softmax.scale)
    return out, lse


def _on_cuda(q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> tuple[Tensor, Tensor]:
    """FlashAttention where it applies, else the memory-efficient kernel: any dtype, any mask."""
    width, n = q.shape[-1], q.shape[2]
    half = q.dtype in (torch.bfloat16, torch.float16)
    added, scale = _added(softmax, q), softmax.scale
    if added is None and half and width % 8 == 0 and width <= 256:
        # It knows of grouped heads.
        out, lse, *_ = torch.ops.aten._scaled_dot_product_flash_attention(
            q, k, v, is_causal=True, scale=scale
        )
    else:
        k, v = for_every_head(k, q.shape[1]), for_every_head(v, q.shape[1])
        if added is not None:
            # The kernel reads rows of a bias in aligned pieces.
            added = nn.functional.pad(added, (0, -n % 16))[..., :n]
            added = added.expand(q.shape[0], q.shape[1], -1, -1)
        out, lse, *_ = torch.ops.aten._scaled_dot_product_efficient_attention(
            q, k, v, added, compute_log_sumexp=True, is_causal=added is None, scale=scale
        )
    return out, lse[..., :n]  # rows may be padded


_KERNELS = {"cpu": _on_cpu, "cuda": _on_cuda}


def _added(softmax: Softmax, q: Tensor) -> Tensor | None:
    """What is added to scale q·k: the bias where attention is allowed, -∞ elsewhere."""
    allowed, n = softmax.allowed, q.shape[2]
    if softmax.bias is None:
        if allowed is None:
            return None
        added = torch.zeros(allowed.shape, dtype=q.dtype, device=q.device)
    else:
        added = softmax.bias.to(q.dtype)
    if allowed is None:
        allowed = torch.ones(n, n, dtype=torch.bool, device=q.device).tril()
    return added.masked_fill(~allowed, -torch.inf)
