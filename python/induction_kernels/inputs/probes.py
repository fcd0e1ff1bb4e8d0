"""Token batches whose structure is known, so that a score knows where to look."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from induction_kernels.errors import ProbeError
from induction_kernels.inputs.batches import check_rows
from induction_kernels.inputs.padding import (
    GIVE_MASK,
    GIVE_ROWS,
    Mask,
    Rows,
    pad_ids,
    refuse_padding,
)
from induction_kernels.models.model import Model


@dataclass(frozen=True, eq=False)
class RepeatedTokens:
    """Random tokens, repeated: BOS, then r, then r again, ...

    Attributes:
        tokens: [batch, lead + copies * period].
        period: P, the length of r.
        copies: how often r stands in a row.
        lead: tokens before the first copy: 1 with BOS, 0 without.
        seed: of the random tokens; None for a caller's own.
    """

    tokens: Int[Tensor, "batch pos"]
    period: int
    copies: int
    lead: int
    seed: int | None

    @classmethod
    def make(
        cls,
        model: Model,
        *,
        period: int = 50,
        copies: int = 2,
        batch: int = 10,
        seed: int = 0,
    ) -> RepeatedTokens:
        """`batch` rows of `period` distinct random tokens of the model's true vocabulary.

        The period shrinks to what the context length and the vocabulary allow. The same model,
        arguments and seed give the same tokens on every machine.

        Raises:
            ProbeError: not even two distinct tokens fit `copies` times, or a batch below 1.
        """
        batch = check_rows("batch", batch)
        vocabulary = ordinary_tokens(model)
        lead = 0 if model.bos_id is None else 1
        period = min(period, (model.n_ctx - lead) // copies, len(vocabulary))
        if period < 2:
            raise ProbeError(
                f"{model.name} has a context of {model.n_ctx} and {len(vocabulary)} ordinary "
                f"tokens; {copies} copies of at least 2 distinct tokens do not fit.",
                "Pass tokens= and period= of your own.",
            )
        # On the CPU whatever the model's device: generators differ between devices.
        generator = torch.Generator().manual_seed(seed)
        rows = torch.stack(
            [torch.randperm(len(vocabulary), generator=generator)[:period] for _ in range(batch)]
        )
        repeated = vocabulary[rows].repeat(1, copies)
        if model.bos_id is not None:
            repeated = torch.cat([torch.full((batch, 1), model.bos_id), repeated], dim=1)
        return cls(repeated, period, copies, lead, seed)

    @classmethod
    def given(
        cls,
        model: Model,
        tokens: Int[Tensor, "batch pos"],
        period: int,
        attention_mask: Mask | None = None,
    ) -> RepeatedTokens:
        """A caller's own tokens, once they are known to repeat with this period.

        Args:
            attention_mask: 1 where there is a token and 0 where there is padding.

        Raises:
            ProbeError: wrong shape, ids outside the vocabulary, longer than the context, a
                period that does not fit, or rows of several lengths without their padding.
        """
        rows = rows_of(model, tokens, attention_mask)
        if len(rows.lengths.unique()) > 1:
            raise ProbeError(
                f"Without their padding, the rows have {int(rows.lengths.min())} to "
                f"{int(rows.lengths.max())} tokens.",
                "A score is a mean over rows alike: give those of one length at a time.",
            )
        tokens = rows.flush()
        n = tokens.shape[1]
        if isinstance(period, bool) or not isinstance(period, int) or not 2 <= period <= n // 2:
            raise ProbeError(
                f"period={period!r} does not fit {n} tokens.",
                f"Give a whole number from 2 to {n // 2}: the length of what is repeated.",
            )
        lead = n % period
        copies = n // period
        body = tokens[:, lead:].reshape(len(tokens), copies, period)
        if lead > 1 or not (body == body[:, :1]).all():
            raise ProbeError(
                f"The tokens do not repeat every {period} positions"
                + (f" ({lead} of {n} are left over)." if lead > 1 else "."),
                "Rows must be [BOS,] r, r, ... with r of length `period`; prepend BOS, do not "
                "overwrite the first token with it.",
            )
        return cls(tokens, period, copies, lead, None)

    def provenance(self) -> dict[str, str | int]:
        """What has to be known of the probe to repeat a number."""
        return {
            "probe": "repeated tokens",
            "probe_period": self.period,
            "probe_copies": self.copies,
            "probe_batch": len(self.tokens),
            "probe_bos": self.lead,
            "probe_seed": "given" if self.seed is None else self.seed,
            "probe_hash": hashlib.sha256(self.tokens.numpy().tobytes()).hexdigest()[:16],
        }


def ordinary_tokens(model: Model) -> Int[Tensor, " vocabulary"]:
    """Ids that text can hold: known to the tokenizer and not special, in rising order."""
    tokenizer = model.tokenizer
    size = model.d_vocab if tokenizer is None else min(model.d_vocab, len(tokenizer))
    special = set() if tokenizer is None else set(tokenizer.all_special_ids)
    special |= {model.bos_id, *pad_ids(model)}
    return torch.tensor([i for i in range(size) if i not in special])


def rows_of(
    model: Model,
    tokens: Int[Tensor, "..."],
    attention_mask: Mask | None,
    *,
    padding: str = GIVE_MASK,
) -> Rows:
    """What a caller gave, without what the mask hides.

    Args:
        padding: what to do about it where there is no mask, for the error.

    Raises:
        ProbeError: tokens or a mask that cannot be used, or padding without a mask.
    """
    tokens = torch.as_tensor(tokens).cpu()
    if attention_mask is None:
        return Rows.whole(check_tokens(model, tokens, padding))
    rows = Rows.masked(_rectangle(tokens), torch.as_tensor(attention_mask).cpu())
    for own, columns in rows.by_length():
        _check_ids(model, rows.tokens[own, columns])
    return rows


def check_tokens(
    model: Model, tokens: Tensor, padding: str = GIVE_ROWS
) -> Int[Tensor, "batch pos"]:
    """`tokens` as [batch, pos] int64, or a ProbeError that says what is wrong.

    Args:
        padding: what to do about it, for the error.
    """
    tokens = _rectangle(tokens)
    refuse_padding(model, tokens, padding)
    _check_ids(model, tokens)
    return tokens


def _rectangle(tokens: Tensor) -> Int[Tensor, "batch pos"]:
    if tokens.ndim == 1:
        tokens = tokens[None]
    if tokens.ndim != 2 or tokens.numel() == 0 or tokens.is_floating_point():
        raise ProbeError(
            f"Tokens have shape {tuple(tokens.shape)} and type {tokens.dtype}.",
            "Give whole-number token ids of shape [batch, pos].",
        )
    return tokens.long()


def _check_ids(model: Model, tokens: Int[Tensor, "batch pos"]) -> None:
    if tokens.shape[1] > model.n_ctx:
        raise ProbeError(
            f"The tokens are {tokens.shape[1]} long; {model.name} takes at most {model.n_ctx}.",
            "Shorten them.",
        )
    low, high = int(tokens.min()), int(tokens.max())
    if low < 0 or high >= model.d_vocab:
        raise ProbeError(
            f"Token {low if low < 0 else high} is outside the vocabulary of {model.name}.",
            f"Ids go from 0 to {model.d_vocab - 1}.",
        )
