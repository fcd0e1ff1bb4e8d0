"""Which sequences stand for a head: from the whole range of its attention, not only the top."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int

#: Equal-frequency intervals of sequences by strength; the last has the strongest.
INTERVALS = 5
#: Rows, chosen by chance and before anything is known of them, among which all intervals but the
#: highest are sampled. Fewer than three of them lie in one of the others at less than one head in
#: 2,000.
CANDIDATES = 64


def equal_frequency(
    strengths: Float32[np.ndarray, " row"], intervals: int = INTERVALS
) -> Int[np.ndarray, " row"]:
    """The interval of each row, 1 to `intervals`, counted so that the strongest is in the last.

    Sizes differ by one at most, and with fewer rows than intervals some are empty. Of equal rows
    the one that comes first in the corpus counts as stronger.
    """
    n = len(strengths)
    rank = np.empty(n, np.int64)
    rank[np.argsort(-strengths, kind="stable")] = np.arange(n)
    return intervals - rank * intervals // n


def candidates(rows: int) -> Int[np.ndarray, " candidate"]:
    """Rows by chance, the same of every model and head, in the order in which they are taken."""
    import torch  # which whoever opens pages that are kept does not import

    order = torch.randperm(rows, generator=torch.Generator().manual_seed(0))
    return order[:CANDIDATES].numpy()


def chosen(
    strengths: Float32[np.ndarray, " row"],
    order: Int[np.ndarray, " candidate"],
    strongest: int,
    samples: int,
) -> list[tuple[int, int]]:
    """(row, interval) of the sequences that are shown, the strongest first: of the highest interval
    the `strongest` first of all, of each other the first `samples` candidates that are in it."""
    intervals = equal_frequency(strengths)
    by_strength = np.argsort(-strengths, kind="stable")
    shown = [int(row) for row in by_strength[:strongest] if intervals[row] == INTERVALS]
    for interval in range(1, INTERVALS):
        here = [int(row) for row in order if row < len(strengths) and intervals[row] == interval]
        shown += here[:samples]
    place = np.empty(len(strengths), np.int64)
    place[by_strength] = np.arange(len(strengths))
    return [(row, int(intervals[row])) for row in sorted(shown, key=lambda row: place[row])]
