"""Cells of patterns by the fused and by the hooked path."""

from __future__ import annotations

import torch
from induction_kernels import as_model
from induction_kernels.attention import readout
from induction_kernels.attention.cells import read_hooked
from induction_kernels.attention.fused import read_fused
from induction_kernels.attention.readout import Reading
from small_models import VOCABULARY


def readings(period: int, n: int) -> dict[str, Reading]:
    lead = n - 2 * period
    return {
        "induction": Reading(readout.induction(period, lead), "pattern"),
        "previous": Reading(readout.previous_token(n), "pattern"),
        "first": Reading(readout.first_token(n), "pattern"),
        "induction_logit": Reading(readout.induction(period, lead), "scores"),
    }


def difference(model, n: int = 101, period: int = 50, *, logits: bool = True) -> float:
    """The largest difference between the fused and the hooked path."""
    model = as_model(model)
    tokens = torch.randint(0, VOCABULARY, (2, n), generator=torch.Generator().manual_seed(0))
    wanted = {k: r for k, r in readings(period, n).items() if logits or r.of == "pattern"}
    fused = read_fused(model, tokens, wanted)
    hooked = read_hooked(model, tokens, wanted)
    return max(float((fused[name] - hooked[name]).abs().max()) for name in fused)
