"""A model by hand: a previous-token head, and above it a perfect induction head or its
suppressor, without norms, so that what it writes is known exactly."""

from __future__ import annotations

from typing import Any

import torch
from induction_kernels.models.bridges import bare
from small_models import bridge
from torch import Tensor

VOCABULARY, LENGTH, PERIOD = 12, 16, 6
#: Logits that the head adds to the token that it copies.
STRENGTH = 5.0
_SHARP = 20.0


def planted_induction(sign: int = 1) -> tuple[Any, Tensor, int]:
    """The model, two rows of repeated tokens, and their period.

    The stream has room for the token, for the one before it, for what is predicted, and for the
    position, each as one number of many.

    Args:
        sign: 1 to raise the token that is copied, -1 to lower it.
    """
    model = bridge(
        d_model=3 * VOCABULARY + LENGTH, n_heads=2, d_head=LENGTH, n_ctx=LENGTH,
        d_vocab=VOCABULARY, normalization_type=None,
    )  # fmt: skip
    native = model.original_model
    with torch.no_grad():
        for parameter in native.parameters():
            parameter.zero_()
        token, before, predicted = (slice(i * VOCABULARY, (i + 1) * VOCABULARY) for i in range(3))
        position = slice(3 * VOCABULARY, None)
        bare(native.tok_embed).weight[:, token] = torch.eye(VOCABULARY)
        bare(native.pos).weight[:, position] = torch.eye(LENGTH)
        bare(native.head).weight[:, predicted] = torch.eye(VOCABULARY)
        first, second = (bare(bare(layer).attn) for layer in native.layers)
        _plant(
            first,
            (position, _SHARP * torch.eye(LENGTH).roll(1, 1)),
            (position, LENGTH),
            (token, before, 1.0),
        )
        _plant(second, (token, _SHARP * torch.eye(VOCABULARY)), (before, VOCABULARY),
               (token, predicted, sign * STRENGTH))  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    ordinary = [torch.randperm(VOCABULARY - 1, generator=generator)[:PERIOD] + 1 for _ in range(2)]
    # The first token has none before it, and attends to itself: it is of its own kind.
    first_tokens = torch.zeros(2, 1, dtype=torch.long)
    return model, torch.cat([first_tokens, torch.stack(ordinary).repeat(1, 2)], 1), PERIOD


def _plant(
    attention: Any, query: tuple[slice, Tensor], key: tuple[slice, int],
    moves: tuple[slice, slice, float],
) -> None:  # fmt: skip
    """Makes head 0 attend from what queries read to what keys read, and move what it finds."""
    at, weights = query
    bare(attention.q).weight[: len(weights), at] = weights
    at, size = key
    bare(attention.k).weight[:size, at] = _SHARP * torch.eye(size)
    read, written, strength = moves
    bare(attention.v).weight[:VOCABULARY, read] = torch.eye(VOCABULARY)
    bare(attention.o).weight[written, :VOCABULARY] = strength * torch.eye(VOCABULARY)
