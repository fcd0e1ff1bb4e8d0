"""The page of a head: what it attends to over a corpus.

A row's strength is the largest A[q, k] with 1 <= k < q, by which HeadVis samples sequences
(https://github.com/anthropics/headvis, Luger, Kamath et al. 2026), and rows are divided into five
intervals of equal frequency by it. What is shown are the strongest of the highest, and of each
other a sample: a head is not judged by where it does most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int, Int32

Head = tuple[int, int]

#: Of each query at most so many keys, those with most attention, and none with less than this.
KEYS_A_QUERY = 8
LEAST = 0.005


@dataclass(frozen=True, eq=False)
class Cells:
    """Those that are kept of one pattern, row by row.

    Attributes:
        at: q * length + k.
    """

    length: int
    at: Int32[np.ndarray, " cell"]
    attention: Float32[np.ndarray, " cell"]

    @property
    def queries(self) -> Int32[np.ndarray, " cell"]:
        return self.at // self.length

    @property
    def keys(self) -> Int32[np.ndarray, " cell"]:
        return self.at % self.length

    @property
    def slots(self) -> Int[np.ndarray, " cell"]:
        """Of each, how many of its query stand before it: less than `KEYS_A_QUERY`."""
        return np.arange(len(self.at)) - np.searchsorted(self.queries, self.queries)


@dataclass(frozen=True, eq=False)
class Shown:
    """A row of the corpus that is shown.

    Attributes:
        row: its place in the corpus, from 0.
        interval: 1 to 5; 5 has the strongest.
    """

    row: int
    interval: int
    strength: float
    tokens: Int[np.ndarray, " pos"]
    cells: Cells


@dataclass(frozen=True, eq=False)
class HeadPage:
    """What one head attends to; position 0 is left out, as query and as key, but for `first`.

    Attributes:
        strengths: the largest A[q, k] of each row, without the diagonal.
        intervals: of each row, 1 to 5.
        sequences: those that are shown, the strongest first.
        distances: the sum of A[q, k] with q - k so much.
        first: the mean of A[q, 0].
        tokens: ids, those of the corpus.
        counts: how often each is there.
        looked_from, looked_at: the attention that queries of each token pay, and that its keys get.
    """

    head: Head
    strengths: Float32[np.ndarray, " row"]
    intervals: Int[np.ndarray, " row"]
    sequences: Sequence[Shown]
    distances: Float64[np.ndarray, " distance"]
    first: float
    tokens: Int[np.ndarray, " token"]
    counts: Int[np.ndarray, " token"]
    looked_from: Float64[np.ndarray, " token"]
    looked_at: Float64[np.ndarray, " token"]
