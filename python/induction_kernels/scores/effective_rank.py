"""Effective rank: in how many directions the outputs of a head spread.

With σ the singular values of what a head gives at the last token of many rows, z [row, d_head]
before W_O, not centred, and p = σ² / Σ σ²,

    effective rank = exp(−Σ p ln p),

1 where every row gives the same direction, d_head where all get as much. Roy & Vetterli 2007 ("The
effective rank: a measure of effective dimensionality") define it of σ / Σ σ; of the squares, on the
rows of `Bigrams`, arXiv 2606.02378 ("When Do Attention Circuits Form?") publishes it over training.

σ² are the eigenvalues of zᵀ z, d_head x d_head, which is added up batch by batch: no row is kept.
"""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from induction_kernels.attention.door import as_model
from induction_kernels.inputs.batches import in_batches
from induction_kernels.inputs.bigrams import PUBLISHED_ROWS, Bigrams
from induction_kernels.models.model import Model
from induction_kernels.restoring import without_gradients
from induction_kernels.scores.of_outputs.stream import show_stream
from induction_kernels.scores.of_weights.parts import Parts, parts_of

_ROWS_AT_A_TIME = 16


def effective_ranks(model: object, *, rows: int = PUBLISHED_ROWS) -> Float[Tensor, "layer head"]:
    """The effective rank of every head's output, 1..d_head, float32 on the CPU.

    It takes one forward pass of the rows, 256 tokens each where the context allows. It is never
    above the number of rows: with few of them it says little.

    Args:
        model: anything `as_model` accepts whose heads' outputs can be read.
        rows: how many of the published rows are read.

    Returns:
        NaN of layers without attention, and of a head that gives nothing.

    Raises:
        ProbeError: a context or a vocabulary that is too small, or rows below 1.
        UnsupportedModelError: a model that does not hand over what its heads give.
    """
    model = as_model(model)
    parts, tokens = parts_of(model), Bigrams.make(model, rows=rows).tokens
    run = partial(_grams, model, parts, tokens)
    with without_gradients():
        grams = [gram for _, gram in in_batches(tokens, min(rows, _ROWS_AT_A_TIME), run)]
    found = torch.full((model.n_layers, model.n_heads), torch.nan)
    found[list(model.attending)] = rank_of(torch.stack(grams).sum(0)).float()
    return found


def rank_of(gram: Float64[Tensor, "*head d_head d_head"]) -> Float64[Tensor, "*head"]:
    """The effective rank of outputs z from zᵀ z; NaN where it is 0."""
    squares = torch.linalg.eigvalsh(gram).clamp(min=0)
    shares = squares / squares.sum(-1, keepdim=True)
    found: Tensor = torch.special.entr(shares).sum(-1).exp()
    return found


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
