"""What heads are ablated on: a text, and repeated random tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from induction_kernels.inputs.text_size import ABLATED_BATCH, ABLATED_ROWS

from induction_explorer.series import budget

if TYPE_CHECKING:
    from induction_kernels.causes.ablator import Ablator
    from torch import Tensor

    from induction_explorer.series.at import At
    from induction_explorer.series.session import SeriesSession

#: What an ablated head gives instead: nothing, its mean over the text, what it gives elsewhere.
Kind = Literal["zero", "mean", "resample"]


def _rows(session: SeriesSession) -> int:
    """As many as one pass over all of them keeps nobody waiting, but not too few."""
    quick = budget.PASS // (session.parameters * budget.text_length(session))
    rows = max(budget.LEAST_ROWS, min(ABLATED_ROWS, quick))
    return rows if session.given_text is None else min(rows, len(session.given_text.tokens))


def _rows_a_pass(session: SeriesSession) -> int:
    length = budget.text_length(session)
    return min(ABLATED_BATCH, _rows(session), budget.rows_a_pass(session, length))


def passes_a_set(session: SeriesSession) -> int:
    """Over the text and over repeated tokens, with nothing or with one set of heads ablated."""
    rows = (_rows(session), len(_repeated(session)))
    return sum(-(-count // _rows_a_pass(session)) for count in rows)


def tokens_a_set(session: SeriesSession) -> int:
    """In all of these passes."""
    return _rows(session) * budget.text_length(session) + _repeated(session).numel()


def _repeated(session: SeriesSession) -> Tensor:
    from induction_kernels.inputs.probes import RepeatedTokens

    return RepeatedTokens.make(session.tokenizer_model).tokens


def ablator(at: At, kind: Kind, frozen: bool) -> Ablator:
    """On the reader's text, or on the default one."""
    from induction_kernels.causes.ablator import Ablator
    from induction_kernels.inputs.texts import TextProbe

    session = at.session
    rows, given = _rows(session), session.given_text
    text = TextProbe.default(at.model, rows) if given is None else given.first(rows)
    return Ablator(at.model, text, kind=kind, frozen=frozen, batch=_rows_a_pass(session))
