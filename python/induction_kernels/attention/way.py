"""What every kind of model offers for its attention to be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.interface import Attend
from induction_kernels.attention.trunk import Trunk
from induction_kernels.models.outputs import Output

# Called with the layer, its pattern [batch, head, query, key] and, when asked for, the scores
# before the softmax, of the same shape: -∞ where they are masked.
Visitor = Callable[[int, Tensor, Tensor | None], None]


@dataclass(frozen=True)
class Fused:
    """A forward pass with its attention done by whoever asks.

    Attributes:
        run: called with tokens, `Attend`, and a `Trunk` where only some layers are to run. Raises a
            DoesNotFitError for attention that is not on Transformers' interface, or depends on more
            than it hands over there.
        body: the same for its attention alone, of which nothing is unembedded.
        by_residual: nothing but the residual stream goes from one layer to the next.
    """

    run: Callable[[Int[Tensor, "batch pos"], Attend, Trunk | None], Output]
    body: Callable[[Int[Tensor, "batch pos"], Attend], None]
    by_residual: bool


@runtime_checkable
class Way(Protocol):
    """How the attention of one model is reached; `visit` and what runs a pass, while the model is
    evaluating."""

    def visit(
        self, tokens: Int[Tensor, "batch pos"], visit: Visitor, scores: bool
    ) -> Float[Tensor, "batch pos d_vocab"]:
        """Show each layer's attention as the model itself computes it; return the logits."""

    def fused(self) -> Fused:
        """The pass that runs with attention done here.

        Raises:
            DoesNotFitError: folded weights, active hooks, or a HookedTransformer.
        """

    def run(self, tokens: Int[Tensor, "batch pos"]) -> Output:
        """The cheapest pass for the output alone."""

    def only_patterns(self) -> str | None:
        """Why scores before the softmax cannot be read, though patterns can."""

    def kinds_of_layers(self) -> list[str]:
        """What the configuration says of each layer, where it does."""

    def said_key_heads(self) -> int:
        """How many heads of keys and values a layer has where `fused` does not show it; 0 where
        nothing that can be trusted says."""

    def has_sinks(self) -> bool:
        """Whether learned sinks take a part of every row."""
