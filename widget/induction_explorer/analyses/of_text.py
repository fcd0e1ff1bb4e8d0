"""The text that heads are ablated on."""

from __future__ import annotations

from typing import Literal

from induction_kernels.causes.ablation import ROWS, Ablator
from induction_kernels.inputs.texts import LONGEST, TextProbe

from induction_explorer.series import session as budget
from induction_explorer.series.at import At
from induction_explorer.series.session import SeriesSession

#: What an ablated head gives instead: nothing, its mean over the text, what it gives elsewhere.
Kind = Literal["zero", "mean", "resample"]

#: Fewer rows say nothing of the error over rows.
_LEAST_ROWS = 4


def rows_of_text(session: SeriesSession) -> int:
    """As many rows as one pass over them keeps nobody waiting, but not too few."""
    length = min(LONGEST, session.context)
    quick = budget.MEASURE_PASSES // (session.parameters * length)
    return int(max(_LEAST_ROWS, min(ROWS, quick)))


def text_tokens(session: SeriesSession) -> int:
    given = session.given_text
    if given is not None:
        return int(given.first(rows_of_text(session)).tokens.numel())
    return rows_of_text(session) * min(LONGEST, session.context)


def ablator(at: At, kind: Kind, frozen: bool) -> Ablator:
    """On the reader's text, or on the default one."""
    rows, given = rows_of_text(at.session), at.session.given_text
    text = TextProbe.default(at.model, rows) if given is None else given.first(rows)
    return Ablator(at.model, text, kind=kind, frozen=frozen)
