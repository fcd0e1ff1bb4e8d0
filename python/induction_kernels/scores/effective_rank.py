"""Effective rank: in how many directions the outputs of a head spread.

With σ the singular values of what a head gives at the last token of many rows, z [row, d_head]
before W_O, not centred, and p = σ² / Σ σ²,

    effective rank = exp(−Σ p ln p),

1 where every row gives the same direction, d_head where all get as much, 0 where it gives nothing.
Roy & Vetterli 2007 ("The effective rank: a measure of effective dimensionality") define it of
σ / Σ σ; of the squares, on the rows of `Bigrams`, arXiv 2606.02378 ("When Do Attention Circuits
Form?") publishes it over training.

σ² are the eigenvalues of zᵀ z, d_head x d_head, which is added up batch by batch: no row is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from induction_kernels.attention.door import as_model
from induction_kernels.inputs.batches import in_batches
from induction_kernels.inputs.bigrams import PUBLISHED_ROWS, Bigrams, too_small
from induction_kernels.models.model import Model
from induction_kernels.restoring import without_gradients
from induction_kernels.scores.of_attention import probe_in_words
from induction_kernels.scores.of_outputs.stream import show_stream
from induction_kernels.scores.of_weights.parts import Parts, parts_of
from induction_kernels.scores.score import Facts, Score

_ROWS_AT_A_TIME = 16


def effective_ranks(model: object, *, rows: int = PUBLISHED_ROWS) -> Float[Tensor, "layer head"]:
    """The effective rank of every head's output, 1..d_head, float32 on the CPU.

    It takes one forward pass of the rows, 256 tokens each where the context allows. It is never
    above the number of rows: with few of them it says little.

    Args:
        model: anything `as_model` accepts whose heads' outputs can be read.
        rows: how many of the published rows are read.

    Returns:
        0 of a head that gives nothing, NaN of layers without attention.

    Raises:
        ProbeError: a context or a vocabulary that is too small, or rows below 1.
        UnsupportedModelError: a model that does not hand over what its heads give.
        InductionError: one row does not fit into memory.
    """
    model = as_model(model)
    *_, found = _by_batches(model, parts_of(model), Bigrams.make(model, rows=rows))
    assert found is not None
    return found


@dataclass(frozen=True, kw_only=True)
class RankScore(Score):
    """An effective rank of what heads give, on rows of `Bigrams`.

    Attributes:
        bigrams: how many of these.
    """

    bigrams: int
    colours: Literal["range", "values"] = "values"
    by_name_only: bool = True

    @property
    def group(self) -> str:
        return "Outputs of heads, on random tokens"

    def left_out(self, model: Model, text_given: bool) -> str | None:
        return too_small(model)


_EFFECTIVE_RANK = RankScore(
    name="effective_rank",
    title="Effective rank",
    formula="exp(−Σ p ln p), p = σ² / Σ σ²; σ the singular values of z [row, d_head], what the "
    "head gives at the last token of every row before W_O, not centred",
    meaning="In how many directions what a head gives spreads. 1: it gives the same direction "
    "whatever it reads, as one that rests on one token does. It does not say how much it gives.",
    source="Roy & Vetterli 2007; arXiv 2606.02378",
    bigrams=256,
)

#: In the order a reader meets them.
RANK_SCORES = (_EFFECTIVE_RANK,)


class RankReader:
    """Scores of rank: one forward pass of their rows each, whatever is given and seeded.

    Raises:
        ProbeError: a context or a vocabulary that is too small.
        UnsupportedModelError: weights that cannot be read.
    """

    def __init__(self, model: Model, scores: Iterable[RankScore]) -> None:
        self._probes = {score: Bigrams.make(model, rows=score.bigrams) for score in scores}
        self._most = _d_head(model) if self._probes else 0

    def by_steps(self, model: Model) -> Iterator[dict[str, Float[Tensor, "layer head"]]]:
        """One float32 [layer, head] on the CPU a score, by name, after batches that give none."""
        for score, probe in self._probes.items():
            for found in _by_batches(model, parts_of(model), probe):
                yield {} if found is None else {score.name: found}

    def facts(self, score: RankScore) -> Facts:
        probe = self._probes[score]
        most = float(min(self._most, len(probe.tokens)))
        return Facts((0.0, most), None, probe_in_words(probe), probe.provenance())


def rank_of(gram: Float64[Tensor, "*head d_head d_head"]) -> Float64[Tensor, "*head"]:
    """The effective rank of outputs z from zᵀ z: 0 where z is, NaN where it is not finite."""
    finite = gram.isfinite().all(-1).all(-1)
    squares = torch.linalg.eigvalsh(gram.where(finite[..., None, None], 0.0)).clamp(min=0)
    whole = squares.sum(-1, keepdim=True)
    ranks = torch.special.entr(squares / whole).sum(-1).exp()
    found: Tensor = ranks.where(whole[..., 0] > 0, 0.0).where(finite, torch.nan)
    return found


def _d_head(model: Model) -> int:
    *_, out = parts_of(model).heads(model.attending[0])
    return out.shape[1]


def _by_batches(
    model: Model, parts: Parts, probe: Bigrams
) -> Iterator[Float[Tensor, "layer head"] | None]:
    """None after every batch of rows, and the ranks in the end."""
    run = partial(_grams, model, parts, probe.tokens)
    total: Tensor | float = 0.0
    for _, gram in in_batches(probe.tokens, min(len(probe.tokens), _ROWS_AT_A_TIME), run):
        total = total + gram
        yield None
    assert isinstance(total, Tensor)
    found = torch.full((model.n_layers, model.n_heads), torch.nan)
    found[list(model.attending)] = rank_of(total).float()
    yield found


@without_gradients()
def _grams(
    model: Model, parts: Parts, tokens: Int[Tensor, "row pos"], part: slice
) -> Float64[Tensor, "layer head d_head d_head"]:
    """zᵀ z over these rows, of the layers that attend."""
    found: list[Tensor] = []

    def gives(_layer: int, z: Float[Tensor, "row head pos d_head"]) -> None:
        last = z[:, :, -1].transpose(0, 1).cpu().double()
        found.append(last.mT @ last)

    show_stream(model, parts, tokens[part], lambda *_: None, gives)
    return torch.stack(found)
