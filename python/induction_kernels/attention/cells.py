"""The cells that scores read, the fast way where the model fits it and through hooks where not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.fused import read_fused
from induction_kernels.attention.hooked import visit_attention
from induction_kernels.attention.layer_attention import Weigh
from induction_kernels.attention.readout import Reading
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.inputs.batches import in_batches
from induction_kernels.models.model import Model

Path = Literal["fused", "hooked"]

#: Rows at a time, of probes that have many.
_ROWS = 64


def read_cells(
    model: Model,
    tokens: Int[Tensor, "batch pos"],
    readings: dict[str, Reading],
    weigh: Mapping[str, Weigh] | None = None,
) -> tuple[dict[str, Float[Tensor, "layer head"]], Path]:
    """The mean of each reading's cells for every head, float32 on the CPU, and how it was read.

    Args:
        weigh: what readings of weighed attention are weighed by, which is read fused or not at all.

    Raises:
        DoesNotFitError: attention that is to be weighed cannot be read fused.
        InductionError: not even one row fits into the GPU's memory.
    """
    paths: set[Path] = set()

    def read(part: slice) -> dict[str, Tensor]:
        here = {n: Reading(r.readout.of_part(part), r.of) for n, r in readings.items()}
        try:
            means = read_fused(model, tokens[part], here, weigh or {})
            paths.add("fused")
        except DoesNotFitError:
            if weigh:
                raise
            means = read_hooked(model, tokens[part], here)
            paths.add("hooked")
        return {name: means[name] * _queries(here[name], part) for name in here}

    sums = [part_sums for _, part_sums in in_batches(tokens, min(_ROWS, len(tokens)), read)]
    everything = slice(0, len(tokens))
    means = {
        name: torch.stack([part_sums[name] for part_sums in sums]).sum(0)
        / _queries(reading, everything)
        for name, reading in readings.items()
    }
    return means, paths.pop()


def _queries(reading: Reading, part: slice) -> int:
    return reading.readout.queries_in(part.stop - part.start)


def read_hooked(
    model: Model, tokens: Int[Tensor, "batch pos"], readings: dict[str, Reading]
) -> dict[str, Float[Tensor, "layer head"]]:
    """The same cells off whole patterns, layer by layer."""
    means = {name: torch.full((model.n_layers, model.n_heads), torch.nan) for name in readings}

    def read(layer: int, pattern: Tensor, pre_softmax: Tensor | None) -> None:
        for name, reading in readings.items():
            means[name][layer] = reading.whole(pattern, pre_softmax).cpu()

    needs_scores = any(reading.of == "scores" for reading in readings.values())
    visit_attention(model, tokens, read, scores=needs_scores)
    return means
