"""Answers that are kept, in a bounded number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from induction_explorer.contract import Analysis, Arrays

#: Of one series. Within it stay at least the patterns of one prompt (`budget.PATTERN_BYTES`).
KEPT_BYTES = 128 << 20


@dataclass(frozen=True)
class Question:
    """What is asked of a series' checkpoints: whoever asks the same gets the same answer.

    Attributes:
        ids, answer: of the prompt; None where the analysis does not depend on them.
    """

    analysis: Analysis
    ids: tuple[int, ...] | None = None
    answer: int | None = None


class Results:
    """Answers by question and checkpoint. What nobody looks at any more is dropped first, then what
    nobody has asked for the longest."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = KEPT_BYTES if limit is None else limit
        self.bytes = 0
        self._kept: OrderedDict[tuple[Question, int], Arrays] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, question: Question, checkpoint: int) -> Arrays | None:
        arrays = self._kept.get((question, checkpoint))
        if arrays is not None:
            self._kept.move_to_end((question, checkpoint))
        return arrays

    def keep(self, question: Question, checkpoint: int, arrays: Arrays) -> None:
        self._drop((question, checkpoint))
        self._kept[question, checkpoint] = arrays
        self.bytes += _size(arrays)
        while self.bytes > self.limit and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))

    def questions(self) -> list[Question]:
        """Of which an answer is kept somewhere."""
        return list(dict.fromkeys(question for question, _ in self._kept))

    def leave(self, ids: tuple[int, ...]) -> None:
        """Nobody looks at this prompt any more."""
        for key in [key for key in self._kept if key[0].ids == ids]:
            self._kept.move_to_end(key, last=False)

    def renumber(self, moved: Sequence[int]) -> None:
        """There are more checkpoints; `moved` says which number each of the others has now."""
        self._kept = OrderedDict(
            ((question, moved[checkpoint]), arrays)
            for (question, checkpoint), arrays in self._kept.items()
        )

    def _drop(self, key: tuple[Question, int]) -> None:
        dropped = self._kept.pop(key, None)
        if dropped is not None:
            self.bytes -= _size(dropped)


def _size(arrays: Arrays) -> int:
    return sum(array.nbytes for array in arrays.values())
