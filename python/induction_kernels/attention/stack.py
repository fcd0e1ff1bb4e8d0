"""Cells of several layers read at once, off queries, keys and log-sum-exps.

On a GPU a layer's few cells cost less than what it takes to ask for them; the layers that are alike
are therefore piled up, as far as little memory goes, and read together.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from induction_kernels.attention.kernels import Softmax, attention
from induction_kernels.attention.layer_attention import LayerAttention
from induction_kernels.attention.lines import Line
from induction_kernels.attention.readout import Reading, Readout, RowEntropy, mean_of_seen
from induction_kernels.models.model import Model


def _bytes_of_layers(device: torch.device) -> int:
    """Of queries and keys that wait on a pile: a CPU reads each layer while its cache has it."""
    return 0 if device.type == "cpu" else 128 << 20


def _bytes_of_cells(device: torch.device) -> int:
    """Of the queries of cells that are read at a time: what a CPU's cache holds, more elsewhere."""
    return 4 << 20 if device.type == "cpu" else 128 << 20


class Pile:
    """Reads cells of every layer of a pass as it comes by, several layers at a time."""

    def __init__(self, model: Model, readings: Mapping[str, Reading]) -> None:
        self._shape, self._device = (model.n_layers, model.n_heads), model.device
        groups: dict[Hashable, list[str]] = {}
        for name, reading in readings.items():
            groups.setdefault(reading.readout.cells, []).append(name)
        # On the model's device to the end: to look at a number is to wait for the GPU.
        self._groups = {
            tuple(names): [readings[name].to(self._device) for name in names]
            for names in groups.values()
        }
        self._waiting: list[LayerAttention] = []
        self._layers: list[int] = []  # those that were read
        self._means: dict[str, list[Tensor]] = {name: [] for name in readings}

    def add(self, layer: LayerAttention) -> None:
        if self._waiting and not _alike(self._waiting[0], layer):
            self._read_waiting()
        self._waiting.append(layer)
        kept = sum(x.nbytes for at in self._waiting for x in (at.q, at.k))
        if kept + layer.q.nbytes > _bytes_of_layers(layer.q.device):
            self._read_waiting()

    def read(self) -> dict[str, Float[Tensor, "layer head"]]:
        """The mean of each reading's cells, float32 on the CPU; NaN for layers that never came."""
        self._read_waiting()
        found = torch.full((len(self._means), *self._shape), torch.nan)
        if self._layers:
            of_layers = [torch.cat(means) for means in self._means.values()]
            found[:, self._layers] = torch.stack(of_layers).cpu()
        return dict(zip(self._means, found, strict=True))

    def _read_waiting(self) -> None:
        if not self._waiting:
            return
        self._layers += [at.layer for at in self._waiting]
        stack = Stack.of(self._waiting)
        self._waiting = []
        for names, readings in self._groups.items():
            for name, means in zip(names, stack.read(readings), strict=True):
                self._means[name].append(means.to(self._device))


def _alike(one: LayerAttention, other: LayerAttention) -> bool:
    """Whether two layers can be read as one: their softmax knows nothing of single rows."""
    return (
        one.softmax.is_plain
        and other.softmax.is_plain
        and (one.softmax.scale, one.softmax.cap) == (other.softmax.scale, other.softmax.cap)
        and (one.q.shape, one.k.shape) == (other.q.shape, other.k.shape)
        and one.q.device == other.q.device
    )


@dataclass(frozen=True, eq=False)
class Stack:
    """The attention of one layer, or of several that are alike, one after another as rows.

    Attributes:
        n_layers: into how many equal parts the rows fall, which are read each by itself.
    """

    n_layers: int
    q: Float[Tensor, "row head pos d_head"]
    k: Float[Tensor, "row kv_head pos d_head"]
    lse: Float[Tensor, "row head pos"]
    softmax: Softmax
    weights: Mapping[str, Float[Tensor, "row head pos"]]

    @classmethod
    def of(cls, layers: list[LayerAttention]) -> Stack:
        if len(layers) == 1:
            return cls.of_rows(layers[0], 1)
        q, k, lse = (torch.cat([getattr(at, of) for at in layers]) for of in ("q", "k", "lse"))
        weights = {
            name: torch.cat([at.weights[name] for at in layers]) for name in layers[0].weights
        }
        return cls(len(layers), q, k, lse, layers[0].softmax, weights)

    @classmethod
    def of_rows(cls, layer: LayerAttention, parts: int | None = None) -> Stack:
        """One layer's, to be read row by row of its batch, or in so many parts."""
        n = len(layer.q) if parts is None else parts
        return cls(n, layer.q, layer.k, layer.lse, layer.softmax, layer.weights)

    def read(self, readings: Sequence[Reading]) -> list[Float[Tensor, "layer head"]]:
        """What is read of the same cells: float32, on the layers' device."""
        readout, wanted = readings[0].readout, {reading.of for reading in readings}
        if isinstance(readout, RowEntropy):
            entropies = self._entropies(readout.queries)
            of_layers = entropies.unflatten(0, (self.n_layers, -1))
            shares = torch.stack([readout.share(of_layer) for of_layer in of_layers])
            return [shares for _ in readings]
        scores, count = self._zeros(), self._zeros()
        attention = {of: self._zeros() for of in wanted - {"scores"}}
        for cells in self._parts_of(readout):
            s, seen = self._scores(cells), self._seen(cells)
            if "scores" in wanted:
                scores += self._sums(s if seen is None else s.masked_fill(~seen, 0))
                count += self._batch * s.shape[2] if seen is None else self._sums(seen.expand_as(s))
            if attention:
                a = (s - cells.at_queries(self.lse)).exp()
                a = a if seen is None else a * seen
            for of in attention:
                weighed = a if of == "pattern" else a * cells.at_keys(self.weights[of])
                attention[of] += self._sums(weighed)
        return [
            mean_of_seen(scores, count)
            if reading.of == "scores"
            else attention[reading.of] / max(1, reading.readout.queries_in(self._batch))
            for reading in readings
        ]

    @property
    def _batch(self) -> int:
        return len(self.q) // self.n_layers

    def _zeros(self) -> Float[Tensor, "layer head"]:
        return torch.zeros(self.n_layers, self.q.shape[1], device=self.q.device)

    def _sums(self, of_cells: Shaped[Tensor, "row head cell"]) -> Shaped[Tensor, "layer head"]:
        """Over the batch and the cells; cells of one row each stand layer by layer in one line."""
        split: Tensor
        if len(of_cells) == len(self.q):
            split = of_cells.sum(2).unflatten(0, (self.n_layers, -1))
            return split.sum(1)
        split = of_cells[0].unflatten(1, (self.n_layers, -1))
        return split.sum(2).T

    def _parts_of(self, readout: Readout) -> Iterator[Readout | Line]:
        """Cells, as many at a time as fit into little memory."""
        rows = len(self.q) if readout.rows is None else self.n_layers
        of_a_cell = 4 * rows * self.q.shape[1] * self.q.shape[3]
        size = max(1, _bytes_of_cells(self.q.device) // of_a_cell)
        return readout.to(self.q.device).parts(size, self.n_layers, self._batch)

    def _seen(self, cells: Readout | Line) -> Bool[Tensor, "..."] | None:
        """Which cells are not masked; None for all."""
        allowed = self.softmax.allowed
        return cells.causal if allowed is None else cells.at_cells(self._of_batch(allowed))

    def _scores(self, cells: Readout | Line) -> Float[Tensor, "rows head cell"]:
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
