"""Rows of tokens that are shorter than the rectangle they come in.

Padding is taken away before anything is run, and rows of one length are run together, each as it
would be by itself. So no position is counted from the wrong place, and no number rests on what a
model makes of a mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from induction_kernels.errors import ProbeError
from induction_kernels.models.bridges import wrapped_by
from induction_kernels.models.model import Model

#: 1 where there is a token, 0 where there is padding: [row, pos], or [pos] of one row.
Mask = Shaped[Tensor, "..."] | np.ndarray | list[int] | list[list[int]]

#: What to do about padding, where a mask is taken and where none is.
GIVE_MASK = (
    "Positions would be counted wrong. Give attention_mask=, 1 where there is a token and 0 where "
    "there is padding."
)
GIVE_ROWS = "Positions would be counted wrong. Give rows of one length, or each row by itself."


@dataclass(frozen=True, eq=False)
class Rows:
    """Tokens [row, pos] of which each row's own begin at `starts` and go on for `lengths`."""

    tokens: Int[Tensor, "row pos"]
    starts: Int[Tensor, " row"]
    lengths: Int[Tensor, " row"]

    @classmethod
    def whole(cls, tokens: Int[Tensor, "row pos"]) -> Rows:
        """Without padding."""
        count, length = tokens.shape
        return cls(tokens, torch.zeros(count, dtype=torch.long), torch.full((count,), length))

    @classmethod
    def masked(cls, tokens: Int[Tensor, "row pos"], mask: Shaped[Tensor, "..."]) -> Rows:
        """What `mask` leaves of the tokens.

        Raises:
            ProbeError: a mask of another shape, of anything but 0 and 1, or with rows that are
                empty or have padding between their tokens.
        """
        mask = mask[None] if mask.ndim == 1 else mask
        if mask.shape != tokens.shape:
            raise ProbeError(
                f"attention_mask has shape {tuple(mask.shape)}, the tokens {tuple(tokens.shape)}.",
                "Give one number a token.",
            )
        real = mask == 1
        if not (real | (mask == 0)).all():
            odd = mask[~(real | (mask == 0))][0].item()
            raise ProbeError(
                f"attention_mask holds {odd}.",
                "Give 1 where there is a token and 0 where there is padding.",
            )
        lengths, starts = real.sum(1), real.long().argmax(1)
        last = mask.shape[1] - 1 - real.flip(1).long().argmax(1)
        for row, (length, start, end) in enumerate(
            zip(lengths.tolist(), starts.tolist(), last.tolist(), strict=True)
        ):
            if length == 0:
                raise ProbeError(f"attention_mask leaves nothing of row {row}.", "Leave it out.")
            if end - start + 1 != length:
                raise ProbeError(
                    f"attention_mask leaves a gap in row {row}, between positions {start} and "
                    f"{end}.",
                    "Padding may stand before and after the tokens of a row, not between them.",
                )
        return cls(tokens, starts, lengths)

    def by_length(
        self,
    ) -> Iterator[tuple[Int[Tensor, "some 1"], Int[Tensor, "some length"]]]:
        """Rows of one length at a time: which they are, and where each one's tokens stand."""
        for length in self.lengths.unique().tolist():
            rows = (self.lengths == length).nonzero()
            yield rows, self.starts[rows] + torch.arange(length)

    def flush(self) -> Int[Tensor, "row longest"]:
        """The tokens, every row's first in position 0; 0 after its last."""
        flush = torch.zeros(len(self.tokens), int(self.lengths.max()), dtype=torch.long)
        for rows, columns in self.by_length():
            flush[rows, torch.arange(columns.shape[1])] = self.tokens[rows, columns]
        return flush


def mask_of(lengths: Int[Tensor, " row"], longest: int) -> Bool[Tensor, "row longest"]:
    """The mask of rows that begin in position 0."""
    return torch.arange(longest) < lengths[:, None]


def pad_ids(model: Model) -> list[int]:
    """The tokens that the model's tokenizer or configuration pads with."""
    named = {_named(holder, "pad_token_id") for holder in _holders(model)}
    return sorted(pad for pad in named if isinstance(pad, int) and 0 <= pad < model.d_vocab)


def refuse_padding(model: Model, tokens: Int[Tensor, "row pos"], hint: str) -> None:
    """Refuse rows that begin or end with padding.

    BOS or EOS that pads as well may stand at an end once, as itself. A tokenizer's token that is
    for padding only has no place between others, either.

    Raises:
        ProbeError: says which row, which token and where.
    """
    for pad in pad_ids(model):
        cells = tokens == pad
        once = _stands_for_itself(model, pad)
        leading = cells.long().cumprod(1).sum(1)
        trailing = cells.flip(1).long().cumprod(1).sum(1)
        if not once and pad == _named(model.tokenizer, "pad_token_id"):
            padded = cells.any(1)
        else:
            padded = torch.maximum(leading, trailing) > once
        if padded.any():
            row = int(padded.nonzero()[0])
            where = cells[row].nonzero().flatten().tolist()
            if trailing[row] > once:
                where = where[-int(trailing[row]) :]
            elif leading[row] > once:
                where = where[: int(leading[row])]
            else:
                where = where[:1]
            raise ProbeError(
                f"Row {row} has padding (token {pad}) from position {where[0]} to {where[-1]}.",
                hint,
            )


def _stands_for_itself(model: Model, pad: int) -> bool:
    """Whether the token is BOS or EOS, too, or one that the tokenizer has for text."""
    for holder in _holders(model):
        for name in ("bos_token_id", "eos_token_id"):
            known = _named(holder, name)
            if pad in (known if isinstance(known, list | tuple) else [known]):
                return True
    tokenizer = model.tokenizer
    return (
        tokenizer is not None and pad < len(tokenizer) and pad not in set(tokenizer.all_special_ids)
    )


def _holders(model: Model) -> list[Any]:
    """What may know of special tokens: the tokenizer, and the configuration of the model or of the
    one that a bridge wraps."""
    module: Any = model.module
    configs: list[Any] = [getattr(one, "config", None) for one in (module, wrapped_by(module))]
    of_text = [c.get_text_config() for c in configs if hasattr(c, "get_text_config")]
    return [model.tokenizer, *configs, *of_text]


def _named(holder: Any, name: str) -> Any:
    return getattr(holder, name, None)
