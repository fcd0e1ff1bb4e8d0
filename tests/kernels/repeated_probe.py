"""Random tokens repeated, and everything that can be read of the patterns on them."""

from __future__ import annotations

import torch
from induction_kernels.attention import readout
from induction_kernels.attention.readout import Reading
from small_models import VOCABULARY

PERIOD, COPIES = 12, 3
N = 1 + PERIOD * COPIES
#: What eight bits of mantissa leave of a score between 0 and 1, through two layers.
BFLOAT16_BOUND = 0.03


def probe(batch: int = 2) -> torch.Tensor:
    r = torch.randint(1, VOCABULARY, (batch, PERIOD), generator=torch.Generator().manual_seed(3))
    return torch.cat([torch.zeros(batch, 1, dtype=torch.long), r.repeat(1, COPIES)], 1)


def readings(tokens: torch.Tensor) -> dict[str, Reading]:
    n = tokens.shape[1]
    return {
        "induction": Reading(readout.induction(PERIOD), "pattern"),
        "prefix_matching": Reading(readout.prefix_matching(PERIOD, COPIES), "pattern"),
        "duplicate_token": Reading(readout.duplicate_token(PERIOD), "pattern"),
        "previous_token": Reading(readout.previous_token(n), "pattern"),
        "first_token": Reading(readout.first_token(n), "pattern"),
        "natural_induction": Reading(readout.natural_induction(tokens), "pattern"),
        "entropy": Reading(readout.entropy(n), "pattern"),
        "induction_logit": Reading(readout.induction(PERIOD), "scores"),
        "previous_token_logit": Reading(readout.previous_token(n), "scores"),
    }
