"""The text that heads are ablated on."""

from __future__ import annotations

from typing import Literal

from induction_kernels.causes.ablator import BATCH, ROWS, Ablator
from induction_kernels.inputs.texts import TextProbe

from induction_explorer.series import budget
from induction_explorer.series.at import At
from induction_explorer.series.session import SeriesSession

#: What an ablated head gives instead: nothing, its mean over the text, what it gives elsewhere.
Kind = Literal["zero", "mean", "resample"]


def _rows(session: SeriesSession) -> int:
    """As many as one pass over all of them keeps nobody waiting, but not too few."""
    quick = budget.PASS // (session.parameters * budget.text_length(session))
    return max(budget.LEAST_ROWS, min(ROWS, quick))


def rows_a_pass(session: SeriesSession) -> int:
    return min(BATCH, _rows(session), budget.rows_a_pass(session, budget.text_length(session)))


def tokens_a_pass(session: SeriesSession) -> int:
    return rows_a_pass(session) * budget.text_length(session)


def passes_over_text(session: SeriesSession, sets: int) -> int:
    """Over the text, with nothing ablated and with each of so many sets of heads."""
    given = session.given_text
    rows = _rows(session) if given is None else min(_rows(session), len(given.tokens))
    return (1 + sets) * -(-rows // rows_a_pass(session))


def ablator(at: At, kind: Kind, frozen: bool) -> Ablator:
    """On the reader's text, or on the default one."""
    session = at.session
    rows, given = _rows(session), session.given_text
    text = TextProbe.default(at.model, rows) if given is None else given.first(rows)
    return Ablator(at.model, text, kind=kind, frozen=frozen, batch=rows_a_pass(session))
