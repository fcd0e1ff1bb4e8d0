"""The cells that scores read, without ever forming a pattern.

Fused attention computes the log-sum-exp of every row of S on its way. With it, any single cell of
the pattern is A[q, k] = exp(S[q, k] - lse[q]), and S[q, k] is one dot product. So a score costs a
few dot products beside the model's own fused forward pass, and memory linear in the length. In
float32 it is the hooked value within 1e-5; in bfloat16 scores between 0 and 1 are within 0.03 of
float32 (tests/kernels/test_architectures.py).

Three kinds of models run here: Hugging Face models on Transformers' attention interface,
TransformerLens' native models, and TransformerBridges over Hugging Face models, for which the
native module is rebuilt over the same storage. Whatever does not fit raises DoesNotFitError, and
the caller takes the hooked path.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from induction_kernels.attention.native import run_native
from induction_kernels.attention.readout import Reading, Readout, RowEntropy
from induction_kernels.attention.trunk import Trunk
from induction_kernels.attention.unbridged import unbridged
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.models import Model
from induction_kernels.outputs import Output, is_split, run_hugging_face

#: Bytes of queries gathered at a time.
_GATHER_BYTES = 4 << 20


@dataclass(frozen=True, eq=False)
class LayerAttention:
    """One layer's attention, ready to be read where it matters.

    Attributes:
        q, k: after rotation; heads of a group share their keys.
        lse: log-sum-exp of the rows of S.
        scale: what dot products are multiplied by.
        allowed: the cells that are not masked; None where attention is simply causal.
    """

    layer: int
    q: Float[Tensor, "batch head pos d_head"]
    k: Float[Tensor, "batch kv_head pos d_head"]
    lse: Float[Tensor, "batch head pos"]
    scale: float
    allowed: Bool[Tensor, "batch #head pos pos"] | None

    def read(self, reading: Reading) -> Float[Tensor, " head"]:
        """What a score reads: float32, on the model's device."""
        if isinstance(reading.readout, RowEntropy):
            return reading.readout.share(self._entropies(reading.readout.queries))
        return self._mean_of_cells(reading.readout, reading.of == "pattern")

    def _mean_of_cells(self, readout: Readout, of_pattern: bool) -> Float[Tensor, " head"]:
        """Cells, as many at a time as fit into little memory."""
        readout = readout.to(self.q.device)
        rows = self.q.shape[0] if readout.rows is None else 1
        size = max(1, _GATHER_BYTES // (4 * rows * self.q.shape[1] * self.q.shape[3]))
        total = torch.zeros(self.q.shape[1], device=self.q.device)
        for cells in readout.split(size):
            s = self._scores(cells)
            if of_pattern:
                s = (s - cells.at_queries(self.lse)).exp()
                if self.allowed is not None:
                    s = s * cells.at_cells(self.allowed)
            total += s.sum((0, 2))
        return total / max(1, readout.queries_in(self.q.shape[0]))

    def _scores(self, cells: Readout) -> Float[Tensor, "rows head cell"]:
        """S of the cells: each query against its group's one key."""
        q, k = cells.at_queries(self.q), cells.at_keys(self.k)
        grouped = q.unflatten(1, (k.shape[1], -1)).float()
        return self.scale * (grouped * k[:, :, None].float()).sum(-1).flatten(1, 2)

    def _entropies(self, queries: Int[Tensor, " query"]) -> Float[Tensor, "batch head query"]:
        """-Σ A ln A = lse - Σ A S, and Σ A S is q against the keys averaged with weights A."""
        mean_key, _ = attention(self.q, self.k, self.k, self.scale, self.allowed)
        mean_score = self.scale * (self.q.float() * mean_key.float()).sum(-1)
        return (self.lse - mean_score)[:, :, queries.to(self.q.device)].clamp(min=0)

    def rows(self, head: int, start: int, stop: int) -> Float[Tensor, "batch row key"]:
        """Rows start..stop-1 of a head's pattern, up to the last key they can see; float32."""
        kv_head = head * self.k.shape[1] // self.q.shape[1]
        q, k = self.q[:, head, start:stop].float(), self.k[:, kv_head, :stop].float()
        a = (self.scale * q @ k.mT - self.lse[:, head, start:stop, None]).exp()
        if self.allowed is not None:
            return a * self.allowed[:, min(head, self.allowed.shape[1] - 1), start:stop, :stop]
        return a.tril(diagonal=start)


Reader = Callable[[LayerAttention], None]

# Called with the layer, q, k, v [batch, head, pos, d_head] (fewer heads of k and v where they are
# grouped), the factor of q·k, and the cells that are allowed (None: causal); returns like q.
Attend = Callable[[int, Tensor, Tensor, Tensor, float, Tensor | None], Tensor]


def run_fused(model: Model, tokens: Int[Tensor, "batch pos"], read: Reader) -> Output:
    """Run the model with fused attention and show each layer's to `read`.

    Raises:
        DoesNotFitError: soft cap, folded weights, active hooks, or attention that is not on
            Transformers' interface.
    """

    def attend(
        layer: int, q: Tensor, k: Tensor, v: Tensor, scale: float, allowed: Tensor | None
    ) -> Tensor:
        out, lse = attention(q, k, v, scale, allowed)
        read(LayerAttention(layer, q, k, lse, scale, allowed))
        return out

    run = runner(model)
    with model.evaluating():
        return run(tokens.to(model.device), attend)


def read_fused(
    model: Model, tokens: Int[Tensor, "batch pos"], readings: dict[str, Reading]
) -> dict[str, Float[Tensor, "layer head"]]:
    """The mean of each reading's cells for every head, float32 on the CPU.

    Raises:
        DoesNotFitError: as `run_fused`.
    """
    # On the model's device to the end: to look at a number is to wait for the GPU.
    there = {name: reading.to(model.device) for name, reading in readings.items()}
    shape = (len(readings), model.n_layers, model.n_heads)
    found = torch.full(shape, torch.nan, device=model.device)

    def read(attention: LayerAttention) -> None:
        for row, reading in zip(found, there.values(), strict=True):
            row[attention.layer] = attention.read(reading)

    run_fused(model, tokens, read)
    return dict(zip(readings, found.cpu(), strict=True))


def attention(
    q: Float[Tensor, "batch head pos d_head"],
    k: Float[Tensor, "batch kv_head pos d_head"],
    v: Float[Tensor, "batch kv_head pos d_head"],
    scale: float,
    allowed: Bool[Tensor, "batch #head pos pos"] | None,
) -> tuple[Float[Tensor, "batch head pos d_head"], Float[Tensor, "batch head pos"]]:
    """Fused attention that returns its rows' log-sum-exp beside its output, chosen by device."""
    kernel = _KERNELS.get(q.device.type)
    if kernel is None:
        raise DoesNotFitError(f"no fused attention with log-sum-exp on {q.device.type}")
    group = q.shape[1] // k.shape[1]
    k, v = (x.repeat_interleave(group, dim=1) if group > 1 else x for x in (k, v))
    return kernel(q, k, v, scale, allowed)


def _on_cpu(
    q: Tensor, k: Tensor, v: Tensor, scale: float, allowed: Tensor | None
) -> tuple[Tensor, Tensor]:
    flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    return flash(q, k, v, 0.0, allowed is None, attn_mask=_bias(allowed, q), scale=scale)


def _on_cuda(
    q: Tensor, k: Tensor, v: Tensor, scale: float, allowed: Tensor | None
) -> tuple[Tensor, Tensor]:
    """FlashAttention where it applies, else the memory-efficient kernel: any dtype, any mask."""
    width, n = q.shape[-1], q.shape[2]
    half = q.dtype in (torch.bfloat16, torch.float16)
    if allowed is None and half and width % 8 == 0 and width <= 256:
        out, lse, *_ = torch.ops.aten._scaled_dot_product_flash_attention(
            q, k, v, 0.0, True, False, scale=scale
        )
    else:
        bias = _bias(allowed, q)
        if bias is not None:
            # The kernel reads rows of a bias in aligned pieces.
            bias = nn.functional.pad(bias, (0, -n % 16))[..., :n]
            bias = bias.expand(q.shape[0], q.shape[1], -1, -1)
        out, lse, *_ = torch.ops.aten._scaled_dot_product_efficient_attention(
            q, k, v, bias, True, 0.0, allowed is None, scale=scale
        )
    return out, lse[..., :n]  # rows may be padded


_KERNELS = {"cpu": _on_cpu, "cuda": _on_cuda}


def _bias(allowed: Tensor | None, like: Tensor) -> Tensor | None:
    """What is added to S: 0 where attention is allowed, -∞ elsewhere."""
    if allowed is None:
        return None
    bias = torch.zeros(allowed.shape, dtype=like.dtype, device=like.device)
    return bias.masked_fill(~allowed, -torch.inf)


def fused_module(model: Model) -> Any:
    """The module that runs with fused attention: TransformerLens' NativeModel, or a Hugging Face
    model.

    Raises:
        DoesNotFitError: folded weights, active hooks, or a HookedTransformer.
    """
    module: Any = model.module
    if model.kind == "hugging_face":
        return module
    original = getattr(module, "original_model", None)
    if original is None:
        raise DoesNotFitError("a HookedTransformer computes its attention itself")
    if model.weights == "folded":
        raise DoesNotFitError("compatibility mode changed the weights")
    if any(point.fwd_hooks for point in module.hook_dict.values()):
        raise DoesNotFitError("the bridge has hooks, which only its own forward pass runs")
    return original if is_native(original) else unbridged(original)


def is_native(module: Any) -> bool:
    return type(module).__name__ == "NativeModel"


def runner(model: Model) -> Callable[..., Output]:
    """How to run this model with attention done by whoever asks: called with tokens, `Attend`, and
    a `Trunk` where only some layers are to run.

    Raises:
        DoesNotFitError: as `fused_module`; when it is run, also soft cap, or attention that is not
            on Transformers' interface.
    """
    module = fused_module(model)
    return partial(run_native if is_native(module) else _run_hugging_face, module)


# --- Transformers' attention interface ------------------------------------------------------------

_INTERFACE = "induction_kernels_fused"
_current = threading.local()


def _run_hugging_face(
    module: Any, tokens: Tensor, attend: Attend, trunk: Trunk | None = None
) -> Output:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(_INTERFACE, _attend)
    # Gives no mask at all where attention is simply causal, so nothing is quadratic.
    AttentionMaskInterface.register(_INTERFACE, sdpa_mask)
    before = module.config._attn_implementation
    _current.attend, _current.layers = _plain, 0
    try:
        module.set_attn_implementation(_INTERFACE)
        is_split(module)  # compared before anything is read
        _current.attend, _current.layers = attend, 0
        with nullcontext() if trunk is None else trunk.of_hugging_face(module):
            output = run_hugging_face(module, tokens)
    finally:
        module.set_attn_implementation(before)
        del _current.attend
    if _current.layers == 0:
        raise DoesNotFitError(
            f"{type(module).__name__} does not use Transformers' attention interface"
        )
    return output


def _plain(
    layer: int, q: Tensor, k: Tensor, v: Tensor, scale: float, allowed: Tensor | None
) -> Tensor:
    return attention(q, k, v, scale, allowed)[0]


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    if softcap is not None or s_aux is not None:
        raise DoesNotFitError("fused attention has no soft cap and no sinks")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    _current.layers += 1
    out = _current.attend(module.layer_idx, query, key, value, scale, attention_mask)
    return out.transpose(1, 2).contiguous(), None
