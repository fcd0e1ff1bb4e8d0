"""A score of the reader's own that is a mean over cells of the attention to a probe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from induction_kernels.attention.readout import Readout, RowEntropy
from induction_kernels.errors import ProbeError, SelectionError
from induction_kernels.inputs.texts import Texts
from induction_kernels.scores.of_attention import AttentionScore, GivenTexts, On, Probe
from induction_kernels.scores.own.naming import checked_name, title_of
from induction_kernels.scores.score import Range

#: What a score of the reader's is measured on.
Measured = Literal["repeated", "text"] | Texts


def attention_score(
    name: str,
    cells: Callable[[Any], Any],
    *,
    formula: str,
    probe: Measured = "repeated",
    period: int = 50,
    copies: int = 2,
    reads: Literal["pattern", "scores"] = "pattern",
    title: str | None = None,
    meaning: str = "",
    source: str = "the reader's own",
    bounds: Range | None = None,
) -> AttentionScore:
    """A score that adds up attention at some cells and averages it over their queries.

    It costs what ours cost: it is read in the same pass, by fused attention, without a square.

    Args:
        name: for `scores=`, the picker, stores and tables.
        cells: given the probe (`probe.tokens` [batch, pos]; of repeated tokens also `probe.period`,
            `probe.copies` and `probe.lead`, the tokens before the first copy), gives which cells:
            (queries, keys), the same for every row, or (rows, queries, keys). Cells of one query
            are summed, and the sums averaged over the queries that have some.
        formula: as a reader sees it: "mean over q ≥ 2 of A[q, q−2]".
        probe: "repeated" random tokens, the default "text", or texts or token ids of your own.
        period, copies: of the repeated tokens.
        reads: the pattern A, or the "scores" S before the softmax, where cells are averaged.
        title, meaning, source: in words.
        bounds: smallest and largest possible value; by default 0 to 1 of a pattern.

    Raises:
        SelectionError: a name that cannot be one.
        ProbeError: when it is read: cells that the probe does not have.
    """
    on = measured_on(probe, period, copies)
    possible: Range = (0.0, 1.0) if reads == "pattern" else (None, None)
    name = checked_name(name, "A score of attention")
    return AttentionScore(
        name=name,
        title=title or title_of(name),
        formula=formula,
        meaning=meaning,
        source=source,
        own=True,
        cells=lambda probe: _readout(name, cells, probe),
        reads=reads,
        range=bounds or possible,
        copies=on.copies,
        period=on.period,
        given=on.given,
    )


def measured_on(probe: Measured, period: int = 50, copies: int = 2) -> On:
    """Which probe that is.

    Raises:
        SelectionError: a word that is none, such as a text that was to be one of several.
    """
    if not isinstance(probe, str):
        return On(0, period, GivenTexts(probe))
    if probe not in {"repeated", "text"}:
        raise SelectionError(
            f"probe={probe!r} is none.",
            "Give 'repeated' or 'text', or your own: a list of texts, or token ids [row, pos].",
        )
    return On(copies if probe == "repeated" else 0, period)


def _readout(name: str, cells: Any, probe: Probe) -> Readout | RowEntropy:
    try:
        cells = cells(probe)
    except Exception as error:
        raise ProbeError(
            f"The cells of {name} raised {type(error).__name__}: {error}",
            "They are a function of the probe; repeated tokens have period, copies and lead.",
        ) from error
    if isinstance(cells, Readout | RowEntropy):
        return cells
    try:
        *rows, queries, keys = (torch.as_tensor(one).long().flatten() for one in cells)
        (row,) = rows or (None,)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ProbeError(
            f"The cells of {name} are {type(cells).__name__}, which cannot be read ({error}).",
            "Give (queries, keys), or (rows, queries, keys): positions from 0.",
        ) from error
    _check(name, row, queries, keys, probe)
    if row is None:
        return Readout(queries, keys, len(queries.unique()))
    return Readout(queries, keys, torch.stack([row, queries]).unique(dim=1).shape[1], row)


def _check(name: str, row: Tensor | None, queries: Tensor, keys: Tensor, probe: Probe) -> None:
    count, length = probe.tokens.shape
    lengths = {len(one) for one in (row, queries, keys) if one is not None}
    if len(lengths) > 1 or lengths == {0}:
        raise ProbeError(
            f"The cells of {name} have {_counts(row, queries, keys)}.",
            "Give as many of each, and at least one.",
        )
    outside = (queries < 0) | (queries >= length) | (keys < 0) | (keys > queries)
    if row is not None:
        outside |= (row < 0) | (row >= count)
    if outside.any():
        at = int(outside.nonzero()[0])
        where = "" if row is None else f"row {int(row[at])}, "
        raise ProbeError(
            f"{name} reads {where}query {int(queries[at])}, key {int(keys[at])}.",
            f"Its probe has {count} rows of {length} positions, from 0, and no key comes after its "
            "query.",
        )


def _counts(row: Tensor | None, queries: Tensor, keys: Tensor) -> str:
    counts = {"rows": row, "queries": queries, "keys": keys}
    return ", ".join(f"{len(one)} {what}" for what, one in counts.items() if one is not None)
