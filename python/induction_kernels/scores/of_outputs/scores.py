"""Scores of what heads write as data, and reading them. The arithmetic is in `attribution`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.errors import UnsupportedModelError
from induction_kernels.inputs.batches import in_batches
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.models.model import Model
from induction_kernels.scores.of_outputs.attribution import attribute
from induction_kernels.scores.of_outputs.unembedding import Attributable
from induction_kernels.scores.on_repeats import RepeatsReader, RepeatsScore


@dataclass(frozen=True, eq=False)
class Asked:
    """Whose logits a score is about.

    Attributes:
        positions: the same of every row.
        targets: the token at each of them.
    """

    positions: Int[Tensor, " query"]
    targets: Int[Tensor, "row query"]


@dataclass(frozen=True, kw_only=True)
class OutputScore(RepeatsScore):
    """The mean of what a head adds to logits, directly, on repeated tokens.

    Attributes:
        asks: which logits, of a probe.
    """

    asks: Callable[[RepeatedTokens], Asked]
    units: str = "logits"

    @property
    def group(self) -> str:
        return "What heads write, on repeated tokens"

    def left_out(self, model: Model, text_given: bool) -> str | None:
        try:
            Attributable.of(model)
        except UnsupportedModelError as error:
            return str(error)
        return None


def copied(probe: RepeatedTokens) -> Asked:
    """In the second copy, the token that followed the same token in the first."""
    positions = torch.arange(probe.period) + probe.lead + probe.period
    return Asked(positions, probe.tokens[:, positions - probe.period + 1])


_COPY_ATTRIBUTION = OutputScore(
    name="copy_attribution",
    title="Copy attribution",
    formula="mean over q in the second copy of DLA[q, t], t the token at q−P+1; DLA[q, t] = y_q · "
    "(W_U[:, t] − mean over the vocabulary) under the last norm, y_q what the head writes",
    meaning="How far what a head writes raises the logit of the token that followed the current "
    "token last time, by itself. Below 0 it writes against it: a head with a high induction score "
    "that does is an anti-induction head. Effects by way of later layers are not in it.",
    source="Elhage et al. 2021; TransformerLens direct_logit_attribution",
    asks=copied,
)

#: In the order a reader meets them.
OUTPUT_SCORES = (_COPY_ATTRIBUTION,)


class OutputReader(RepeatsReader[OutputScore]):
    """Scores of outputs: one forward pass each."""

    def by_steps(self, model: Model) -> Iterator[dict[str, Float[Tensor, "layer head"]]]:
        """One float32 [layer, head] on the CPU a score, by name, score by score.

        Raises:
            UnsupportedModelError: a model whose logits cannot be attributed to heads.
        """
        for score, probe in self._probes.items():
            yield {score.name: _mean(model, probe, score.asks(probe))}


def _mean(model: Model, probe: RepeatedTokens, asked: Asked) -> Float[Tensor, "layer head"]:
    run = partial(_sum_of_rows, model, probe.tokens, asked)
    sums = [of_rows for _, of_rows in in_batches(probe.tokens, len(probe.tokens), run)]
    return torch.stack(sums).sum(0) / len(probe.tokens)


def _sum_of_rows(
    model: Model, tokens: Int[Tensor, "row pos"], asked: Asked, part: slice
) -> Float[Tensor, "layer head"]:
    found = attribute(model, tokens[part], asked.targets[part], asked.positions)
    return found.heads.mean(-1).sum(0)
