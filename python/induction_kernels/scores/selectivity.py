"""Selectivity: how much more a head looks at one place than elsewhere, for six places.

On rows of `Bigrams`, whose last token q is a, which stands once before, at i, with b after it:

    selectivity = mean over rows of A[q, place] / max(mean over rows and c of A[q, c], 1e-8)

where c are 50 fixed positions at which none of the six looks. Attention spread evenly over the past
gives 1. arXiv 2606.02378 ("When Do Attention Circuits Form?") publishes it of every head of three
models over training, on 2,000 rows; here it is read off the first 16 of them, which moves only what
lies near a threshold (`selectivities(model, rows=2000)` reads them all).

A head that looks nowhere but at its place gets 1e8. One that does so for induction or duplicates
gets less, about 250 at 256 tokens: i differs between rows, and in some it is one of the 50.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from induction_kernels.attention.door import as_model
from induction_kernels.attention.readout import Readout, of_last_query, of_last_query_by_row
from induction_kernels.inputs.bigrams import BEFORE, NEAR, PUBLISHED_ROWS, ROWS, Bigrams
from induction_kernels.scores.of_attention import LEAST, AttentionReader, AttentionScore

SOURCE = "arXiv 2606.02378"


def _at(*back: int) -> Callable[[Bigrams], Readout]:
    """So far before the query, in every row."""
    return lambda probe: of_last_query(probe.length, probe.length - 1 - torch.tensor(back))


def _controls(probe: Bigrams) -> Readout:
    return of_last_query(probe.length, probe.controls)


def _selectivity(
    kind: str, title: str, attended: str, looks: str, cells: Callable[[Bigrams], Readout]
) -> AttentionScore:
    return AttentionScore(
        name=f"{kind}_selectivity",
        title=f"{title}, selectivity",
        formula=f"mean over rows of {attended} / max(mean over 50 fixed c of A[q, c], {LEAST:g})",
        meaning=f"How many times more a head looks {looks} than at other tokens; 1 is no more.",
        source=SOURCE,
        cells=cells,
        against=_controls,
        bigrams=ROWS,
        range=(0.0, 1 / LEAST),
        colours="values",
    )


#: In the order of the paper, in which ties are broken.
SELECTIVITIES: tuple[AttentionScore, ...] = (
    _selectivity(
        "induction", "Induction", "A[q, i+1]",
        "at the token that followed the current token before",
        lambda probe: of_last_query_by_row(probe.length, probe.first + 1),
    ),
    _selectivity(
        "previous", "Previous token", "A[q, q−1]", "at the token right before", _at(BEFORE)
    ),
    _selectivity(
        "duplicate", "Duplicate token", "A[q, i]", "at the current token's earlier copy",
        lambda probe: of_last_query_by_row(probe.length, probe.first),
    ),
    _selectivity(
        "first", "First token", "A[q, 0]",
        "at the first token (an attention sink)",
        lambda probe: of_last_query(probe.length, torch.tensor([0])),
    ),
    _selectivity("self", "Self", "A[q, q]", "at the current token itself", _at(0)),
    _selectivity(
        "local", "Local", "mean over q−5 ≤ k ≤ q−2 of A[q, k]",
        "at each of the four tokens before the previous one", _at(*NEAR),
    ),
)  # fmt: skip


def selectivities(
    model: object, *, rows: int = PUBLISHED_ROWS
) -> dict[str, Float[Tensor, "layer head"]]:
    """The six of every head, by the names that they have as scores; float32 on the CPU.

    Args:
        model: anything `as_model` accepts.
        rows: how many of the published rows are read.

    Raises:
        ProbeError: a context or a vocabulary that is too small, or rows below 1.
    """
    model = as_model(model)
    wanted = [replace(score, bigrams=rows) for score in SELECTIVITIES]
    return AttentionReader(model, wanted, None, 0)(model)
