"""The cells that scores read, the fast way where the model fits it and through hooks where not."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.fused import read_fused
from induction_kernels.attention.hooked import visit_attention
from induction_kernels.attention.readout import Reading
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.batches import in_batches
from induction_kernels.models import Model

Path = Literal["fused", "hooked"]


def read_cells(
    model: Model, tokens: Int[Tensor, "batch pos"], readings: dict[str, Reading]
) -> tuple[dict[str, Float[Tensor, "layer head"]], Path]:
    """The mean of each reading's cells for every head, float32 on the CPU, and how it was read.

    Raises:
        InductionError: not even one row fits into the GPU's memory.
    """
    paths: set[Path] = set()

    def read(rows: Tensor) -> dict[str, Tensor]:
        try:
            found = read_fused(model, rows, readings)
            paths.add("fused")
        except DoesNotFitError:
            found = read_hooked(model, rows, readings)
            paths.add("hooked")
        return found

    parts = list(in_batches(tokens, len(tokens), read))
    means = {
        name: sum(found[name] * (rows / len(tokens)) for rows, found in parts) for name in readings
    }
    return means, paths.pop()


def read_hooked(
    model: Model, tokens: Int[Tensor, "batch pos"], readings: dict[str, Reading]
) -> dict[str, Float[Tensor, "layer head"]]:
    """The same cells off whole patterns, layer by layer."""
    found = {name: torch.full((model.n_layers, model.n_heads), torch.nan) for name in readings}

    def read(layer: int, pattern: Tensor, pre_softmax: Tensor | None) -> None:
        for name, reading in readings.items():
            cells_of = pattern if reading.of == "pattern" else pre_softmax
            found[name][layer] = reading.readout(cells_of).cpu()

    needs_scores = any(reading.of == "scores" for reading in readings.values())
    visit_attention(model, tokens, read, scores=needs_scores)
    return found
