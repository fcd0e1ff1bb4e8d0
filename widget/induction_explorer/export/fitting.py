"""What of the answers fits into a copy."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence

from induction_explorer.analyses.patterns import Patterns
from induction_explorer.analyses.predictions import Predictions
from induction_explorer.export.completing import halving
from induction_explorer.export.held import Answers
from induction_explorer.page.frames import packed

#: Base64 writes three bytes as four characters.
_WRITTEN = 4 / 3


def fitting(
    wanted: Iterable[Answers], looked_at: Sequence[Sequence[int]], room: int
) -> tuple[list[Answers], str]:
    """Those that fit into so many bytes, in this order, and in words what does not.

    What a reader sees first is thinned where it does not fit whole: some checkpoints of it are
    better than none. That is predictions, and the patterns of the head that comes first of each
    series: of fewer bytes a copy would not be worth making.
    """
    held: list[Answers] = []
    left: list[Answers] = []
    thinned: list[str] = []
    for one in wanted:
        part = one
        size = size_of(one)
        if size > room and _is_first(one, held):
            part = _thinned(one, looked_at[one.series], room / size)
            size = size_of(part)
        if size > room or not part.checkpoints:
            left.append(one)
            continue
        held.append(part)
        room -= size
        if part is not one:
            thinned.append(_in_words([one], len(one.checkpoints) - len(part.checkpoints)))
    return held, ", ".join([*thinned, *_of_kinds(left)])


def _is_first(one: Answers, held: Sequence[Answers]) -> bool:
    if isinstance(one.analysis, Predictions):
        return True
    return isinstance(one.analysis, Patterns) and not any(
        isinstance(other.analysis, Patterns) and other.series == one.series for other in held
    )


def _thinned(one: Answers, looked_at: Sequence[int], share: float) -> Answers:
    """At the checkpoints that are looked at, and as many in between as fit."""
    # Nine tenths: fewer checkpoints are packed less well.
    count = int(0.9 * share * len(one.checkpoints))
    known = one.checkpoints
    order = dict.fromkeys([*looked_at, *(known[i] for i in halving(len(known)))])
    return one.at([i for i in order if i in known][:count])


def size_of(one: Answers) -> int:
    """Bytes that it takes in a copy, about."""
    return int(_WRITTEN * len(gzip.compress(packed(one.head(), one.buffers()), 6)))


def _of_kinds(left: Sequence[Answers]) -> list[str]:
    patterns = [one for one in left if isinstance(one.analysis, Patterns)]
    others = sorted({one.analysis.kind for one in left} - {Patterns.kind})
    said = [kind.replace("_", " ") for kind in others]
    return said + ([_in_words(patterns)] if patterns else [])


def _in_words(answers: Sequence[Answers], checkpoints: int = 0) -> str:
    """Answers to one kind of question, and at how many checkpoints; 0 for all."""
    count = len(answers)
    heads = f"the attention patterns of {count:,} head{'s' if count > 1 else ''}"
    what = heads if isinstance(answers[0].analysis, Patterns) else answers[0].analysis.kind
    where = f" at {checkpoints:,} checkpoint{'s' if checkpoints > 1 else ''}"
    return what + where if checkpoints else what
