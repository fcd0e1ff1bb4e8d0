"""The sequences of a page as arrays of one shape, as they are sent and kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int, Int32

from induction_kernels.heads.page import KEYS_A_QUERY, Cells, HeadPage, Shown


@dataclass(frozen=True, eq=False)
class Padded:
    """Sequence by sequence, the strongest first.

    Attributes:
        rows: their places in the corpus; -1 where there are fewer sequences.
        ids: -1 after the last.
        keys: of each query the keys that are kept, by their places; -1 after the last.
        attention: that these get; 0 after the last.
    """

    rows: Int32[np.ndarray, " sequence"]
    ids: Int32[np.ndarray, "sequence pos"]
    keys: Int32[np.ndarray, "sequence pos slot"]
    attention: Float32[np.ndarray, "sequence pos slot"]

    @classmethod
    def of(cls, page: HeadPage, count: int) -> Padded:
        """As many sequences, with what there is of the page's."""
        ids = np.full((count, len(page.distances)), -1, np.int32)
        keys = np.full((*ids.shape, KEYS_A_QUERY), -1, np.int32)
        attention = np.zeros(keys.shape, np.float32)
        rows = np.full(count, -1, np.int32)
        for nth, shown in enumerate(page.sequences):
            rows[nth], ids[nth, : len(shown.tokens)] = shown.row, shown.tokens
            cells = shown.cells
            keys[nth, cells.queries, cells.slots] = cells.keys
            attention[nth, cells.queries, cells.slots] = cells.attention
        return cls(rows, ids, keys, attention)

    def sequences(
        self, strengths: Float32[np.ndarray, " row"], intervals: Int[np.ndarray, " row"]
    ) -> list[Shown]:
        """The same again, with what the corpus says of their rows."""
        found = []
        for nth, row in enumerate(self.rows.tolist()):
            if row < 0:
                break
            tokens = self.ids[nth][self.ids[nth] >= 0].astype(np.int64)
            queries, slots = np.nonzero(self.keys[nth] >= 0)
            at = queries * len(tokens) + self.keys[nth][queries, slots]
            cells = Cells(len(tokens), at.astype(np.int32), self.attention[nth][queries, slots])
            found.append(Shown(row, int(intervals[row]), float(strengths[row]), tokens, cells))
        return found
