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

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from induction_kernels.attention.agreement import require_agreement
from induction_kernels.attention.interface import Attend, attending
from induction_kernels.attention.kernels import Softmax, attention
from induction_kernels.attention.native import run_native
from induction_kernels.attention.readout import Reading, Readout, RowEntropy, mean_of_seen
from induction_kernels.attention.trunk import Trunk
from induction_kernels.attention.unbridged import unbridged
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.models import Model
from induction_kernels.outputs import NotCutHereError, Output, cut_or_whole, run_hugging_face

#: Bytes of queries gathered at a time.
_GATHER_BYTES = 4 << 20


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

    def read(self, reading: Reading) -> Float[Tensor, " head"]:
        """What a score reads: float32, on the model's device."""
        if isinstance(reading.readout, RowEntropy):
            return reading.readout.share(self._entropies(reading.readout.queries))
        if reading.of == "scores":
            return self._mean_score(reading.readout)
        return self._mean_share(reading.readout)

    def of_row(self, row: int) -> LayerAttention:
        """That of one row of the batch."""
        part = slice(row, row + 1)
        return LayerAttention(
            self.layer, self.q[part], self.k[part], self.lse[part], self.softmax.of_row(row)
        )

    def _mean_share(self, readout: Readout) -> Float[Tensor, " head"]:
        total = torch.zeros(self.q.shape[1], device=self.q.device)
        for cells in self._parts_of(readout):
            a = (self._scores(cells) - cells.at_queries(self.lse)).exp()
            total += (a * self._seen(cells)).sum((0, 2))
        return total / max(1, readout.queries_in(self.q.shape[0]))

    def _mean_score(self, readout: Readout) -> Float[Tensor, " head"]:
        total, count = (torch.zeros(self.q.shape[1], device=self.q.device) for _ in range(2))
        for cells in self._parts_of(readout):
            s, seen = self._scores(cells), self._seen(cells)
            total += s.masked_fill(~seen, 0).sum((0, 2))
            count += seen.expand_as(s).sum((0, 2))
        return mean_of_seen(total, count)

    def _parts_of(self, readout: Readout) -> Iterator[Readout]:
        """Cells, as many at a time as fit into little memory."""
        rows = self.q.shape[0] if readout.rows is None else 1
        size = max(1, _GATHER_BYTES // (4 * rows * self.q.shape[1] * self.q.shape[3]))
        return readout.to(self.q.device).split(size)

    def _seen(self, cells: Readout) -> Bool[Tensor, "..."]:
        """Which cells are not masked."""
        allowed = self.softmax.allowed
        if allowed is None:
            return (cells.keys <= cells.queries)[None, None]
        return cells.at_cells(self._of_batch(allowed))

    def _scores(self, cells: Readout) -> Float[Tensor, "rows head cell"]:
        """S of the cells: each query against its group's one key."""
        q, k = cells.at_queries(self.q), cells.at_keys(self.k)
        grouped = q.unflatten(1, (k.shape[1], -1)).float()
        bias = self.softmax.bias
        return self.softmax.scores(
            (grouped * k[:, :, None].float()).sum(-1).flatten(1, 2),
            None if bias is None else cells.at_cells(self._of_batch(bias)).float(),
        )

    def _of_batch(self, square: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
        return square.expand(len(self.q), -1, -1, -1)

    def _entropies(self, queries: Int[Tensor, " query"]) -> Float[Tensor, "batch head query"]:
        """-Σ A ln A = lse Σ A - Σ A S."""
        softmax = self.softmax
        if softmax.cap is None and softmax.bias is None and softmax.sinks is None:
            # Σ A S is q against the keys averaged with weights A.
            mean_key, _ = attention(self.q, self.k, self.k, softmax)
            of_rows = self.lse - softmax.scale * (self.q.float() * mean_key.float()).sum(-1)
        else:
            of_rows = torch.cat(
                [
                    torch.special.entr((s - self.lse[:, :, rows, None]).exp()).sum(-1)
                    for rows, s in softmax.blocks(self.q, self.k)
                ],
                2,
            )
        return of_rows[:, :, queries.to(self.q.device)].clamp(min=0)

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


Reader = Callable[[LayerAttention], None]


def run_fused(model: Model, tokens: Int[Tensor, "batch pos"], read: Reader) -> Output:
    """Run the model with fused attention and show each layer's to `read`.

    Raises:
        DoesNotFitError: folded weights, active hooks, or attention that is not on Transformers'
            interface, or more than it hands over there.
    """

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> Tensor:
        out, lse = attention(q, k, v, softmax)
        read(LayerAttention(layer, q, k, lse, softmax))
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
        DoesNotFitError: as `fused_module`; when it is run, also attention that is not on
            Transformers' interface, or more than it hands over there.
    """
    module = fused_module(model)
    return partial(run_native if is_native(module) else _run_hugging_face, module)


# --- Transformers' attention interface ------------------------------------------------------------


def _run_hugging_face(
    module: Any, tokens: Tensor, attend: Attend, trunk: Trunk | None = None
) -> Output:
    require_agreement(module)

    def once() -> Output:
        beginning = nullcontext() if trunk is None else trunk.of_hugging_face(module)
        with attending(module, attend), beginning:
            return run_hugging_face(module, tokens)

    try:
        return cut_or_whole(once)
    except NotCutHereError as error:  # whole, too
        raise DoesNotFitError(str(error)) from error
