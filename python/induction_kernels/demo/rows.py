"""The rows the demo models are trained on, and the one their heads are measured on.

Every row begins with BOS. Plain prose repeats itself too rarely for models of this size, so some
rows hold a passage pasted again and some are random tokens repeated. The random rows also train the
tokens that prose hardly uses, which the probe draws as often as the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from induction_kernels.inputs.corpus import BOS_ID


@dataclass(frozen=True)
class Mixture:
    """How often a row is more than plain prose, and what it then holds."""

    pasted_share: float = 0.4
    pasted_tokens: tuple[int, int] = (8, 50)
    random_share: float = 0.4
    random_period: tuple[int, int] = (8, 63)


def training_rows(
    stream: Int[np.ndarray, " tokens"],
    mixture: Mixture,
    d_vocab: int,
    shape: tuple[int, int],
    rng: np.random.Generator,
) -> Int[Tensor, "batch pos"]:
    """One batch: BOS, then prose, or prose with a passage pasted, or random tokens repeated."""
    batch, length = shape
    rows = np.full((batch, length), BOS_ID)
    for row in rows[:, 1:]:
        kind = rng.random()
        if kind < mixture.random_share:
            row[:] = repeated_random(len(row), d_vocab, mixture.random_period, rng)
            continue
        start = rng.integers(len(stream) - len(row), endpoint=True)
        row[:] = stream[start : start + len(row)]
        if kind < mixture.random_share + mixture.pasted_share:
            paste_again(row, mixture.pasted_tokens, rng)
    return torch.from_numpy(rows)


def repeated_random(
    length: int, d_vocab: int, periods: tuple[int, int], rng: np.random.Generator
) -> Int[np.ndarray, " length"]:
    """Distinct random tokens (no BOS), over and over, with a period drawn from `periods`."""
    period = rng.integers(*periods, endpoint=True)
    return np.resize(1 + rng.permutation(d_vocab - 1)[:period], length)


def paste_again(
    row: Int[np.ndarray, " length"], sizes: tuple[int, int], rng: np.random.Generator
) -> None:
    """Write a passage of `row` over a later, non-overlapping place in it; `row` is changed."""
    size = rng.integers(*sizes, endpoint=True)
    source = rng.integers(len(row) - 2 * size, endpoint=True)
    target = rng.integers(source + size, len(row) - size, endpoint=True)
    row[target : target + size] = row[source : source + size]


def repeated_probe(
    d_vocab: int, period: int = 50, batch: int = 10, seed: int = 0
) -> Int[Tensor, "batch pos"]:
    """BOS, then `period` distinct random tokens twice."""
    rng = np.random.default_rng(seed)
    once = np.stack([1 + rng.permutation(d_vocab - 1)[:period] for _ in range(batch)])
    return torch.from_numpy(np.pad(np.hstack([once, once]), ((0, 0), (1, 0))))
