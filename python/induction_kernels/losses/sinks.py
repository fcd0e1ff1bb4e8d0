"""How many heads are attention sinks, read off the passes that losses are measured in."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.cells import read_cells
from induction_kernels.attention.forward import run
from induction_kernels.attention.fused import run_fused
from induction_kernels.attention.lines import Line
from induction_kernels.attention.readout import Reading, Readout
from induction_kernels.attention.stack import Pile
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.losses.measure import SINK_LENGTH, SINK_THRESHOLD
from induction_kernels.models.model import Model
from induction_kernels.models.outputs import Output

_NAME = "first token"


class Sinks:
    """Attention to the first token over the first tokens of every row that was run.

    Its mean over q from 0 to T-1 of A[q, 0] is the α₁ of Gu et al. 2024, who take T = 64; the first
    query, which can look nowhere else, is among them. Shorter rows have a shorter T.

    Args:
        length: of the shortest row.
    """

    def __init__(self, length: int) -> None:
        self.length = min(SINK_LENGTH, length)
        line = Line(0, 0, self.length, step=0)
        self._readings = {_NAME: Reading(Readout.of_lines([line], self.length), "pattern")}
        self._total: Tensor = torch.zeros(1, 1)
        self._rows = 0
        self._last: tuple[Tensor, int] = (self._total, 0)

    def run(self, model: Model, tokens: Int[Tensor, "batch pos"]) -> Output:
        """A forward pass that is looked at; `keep` counts it, once it is known to be over."""
        pile = Pile(model, self._readings)
        try:
            output = run_fused(model, tokens, pile.add)
            means = pile.read()
        except DoesNotFitError:
            output = run(model, tokens)
            means, _ = read_cells(model, tokens[:, : self.length], self._readings)
        self._last = (means[_NAME] * len(tokens), len(tokens))
        return output

    def keep(self) -> None:
        total, rows = self._last
        self._total, self._rows = self._total + total, self._rows + rows

    @property
    def attention(self) -> Float[Tensor, "layer head"]:
        """α₁ of every head over the rows kept; NaN in layers that do not attend."""
        return self._total / self._rows

    @property
    def fraction(self) -> Float[Tensor, ""]:
        """The share of heads above the threshold; NaN before the first row."""
        attention = self.attention
        known = attention[attention.isfinite()]
        return (known > SINK_THRESHOLD).float().mean()
