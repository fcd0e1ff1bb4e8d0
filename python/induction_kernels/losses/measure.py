"""The measures of a checkpoint as data: a number, a curve over positions or a loss a row.

Losses are in nats. Definitions: Olsson et al. 2022 ("In-context Learning and Induction Heads").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

#: How far from a position, on the scale of ln(position + 1), the slope there is fitted.
SLOPE_REACH = 0.5

#: Attention to the first token above which a head is a sink, and the tokens it is averaged over:
#: ε and T of Gu et al. 2024, who find the order of models and checkpoints little changed by ε.
SINK_THRESHOLD = 0.3
SINK_LENGTH = 64


@dataclass(frozen=True)
class Measure:
    """What a measure is, for people.

    Attributes:
        per: what it has a value for at each checkpoint.
        on_text: measured on the text; otherwise on repeated random tokens.
        units: of its values; "1" where they have none.
    """

    name: str
    title: str
    formula: str
    meaning: str
    source: str
    per: Literal["checkpoint", "position", "row"] = "checkpoint"
    on_text: bool = True
    units: str = "nat"

    @property
    def dims(self) -> tuple[str, ...]:
        return ("checkpoint",) if self.per == "checkpoint" else ("checkpoint", self.per)


#: Every measure by name, in the order a reader meets them.
MEASURES: Mapping[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            "loss",
            "Loss",
            "mean of L[i] over positions and rows",
            "How badly the model predicts the next token of held-out text.",
            "Olsson et al. 2022",
        ),
        Measure(
            "in_context_learning",
            "In-context learning",
            "mean over rows of L[late] − L[early]",
            "How much better a token late in the row is predicted than an early one; more negative "
            "is more in-context learning.",
            "Olsson et al. 2022; Kissane 2023",
        ),
        Measure(
            "copyable_loss",
            "Loss of copyable tokens",
            "mean of L[i] where an earlier j of the row has x[j] = x[i] and x[j+1] = x[i+1]",
            "How badly the model predicts what a perfect induction head would: a token that "
            "followed the same token earlier in the row. It falls when induction forms.",
            "Sahin et al. 2025 (Hapax)",
        ),
        Measure(
            "other_loss",
            "Loss of other tokens",
            "mean of L[i] at all other i",
            "How badly the model predicts what no induction head could copy. Where in-context "
            "learning grows and this falls late in the row, it is not by induction alone.",
            "Sahin et al. 2025 (Hapax)",
        ),
        Measure(
            "loss_by_position",
            "Loss by position",
            "mean over rows of L[i]",
            "Where in the context the model predicts well: a curve that goes on falling uses more "
            "and more of its context.",
            "Olsson et al. 2022",
            per="position",
        ),
        Measure(
            "loss_slope",
            "Slope of loss by position",
            f"slope of mean L[i] by ln(i + 1), fitted within ±{SLOPE_REACH:g} of ln(i + 1)",
            "How much the loss still falls with more context, at each position; 0 where more "
            "context no longer helps.",
            "Olsson et al. 2022, who take the derivative",
            per="position",
        ),
        Measure(
            "induction_loss",
            "Induction loss",
            "mean of L[i] over the second copy of repeated random tokens, but its first token",
            "How well the model continues a random sequence that it has seen once. That the second "
            "copy begins cannot be known, so its first token is left out.",
            "TransformerLens evals",
            on_text=False,
        ),
        Measure(
            "sink_fraction",
            "Attention sinks",
            f"share of heads whose mean over rows and q < {SINK_LENGTH} of A[q, 0] is above "
            f"{SINK_THRESHOLD:g}",
            "How many of the heads rest on the first token, 0 to 1: attention sinks. They form at "
            "another time in training than induction heads do.",
            "Gu et al. 2024",
            units="1",
        ),
        Measure(
            "token_loss",
            "Loss of one token a row",
            "L[i] at one random i a row, the same at every checkpoint of every model",
            "What the principal components of per-token losses are made of.",
            "Olsson et al. 2022",
            per="row",
        ),
    )
}


def share_in_words(share: float) -> str:
    """How many of a text's tokens are copyable; `share` is 0 to 1."""
    return f"{100 * share:.0f} % of the tokens are copyable"
