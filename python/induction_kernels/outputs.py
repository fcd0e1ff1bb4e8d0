"""What a forward pass ends in: the last hidden states, with the unembedding left to be done.

A vocabulary is large: logits of every position are the largest tensor of most forward passes, and
scores of heads need none of them, predictions one row, losses one row at a time.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

#: Bytes of float32 logits in memory at a time; more rows would not make the product faster.
_CHUNK_BYTES = 32 << 20


@dataclass(frozen=True, eq=False)
class Output:
    """The end of a forward pass.

    Attributes:
        hidden: after the last norm, in the model's dtype. Where a model cannot be cut there, its
            logits.
        unembed: rows of `hidden` to rows of logits.
    """

    hidden: Float[Tensor, "batch pos d_hidden"]
    unembed: Callable[[Tensor], Tensor]

    @classmethod
    def of_logits(cls, logits: Float[Tensor, "batch pos d_vocab"]) -> Output:
        """Of a model that gives its logits only."""
        return cls(logits, lambda rows: rows)

    def logits(self) -> Float[Tensor, "batch pos d_vocab"]:
        """All of them: for few tokens only."""
        return self.unembed(self.hidden).float()

    def logits_at(self, row: int, position: int) -> Float[Tensor, " d_vocab"]:
        return self.unembed(self.hidden[row, position]).float()

    def rows(
        self, count: int, d_vocab: int
    ) -> Iterator[tuple[slice, Float[Tensor, "row d_vocab"]]]:
        """Float32 logits of the first `count` positions of all sequences, a few rows at a time.

        Gives each part's place in [batch * count] beside it.
        """
        flat = self.hidden[:, :count].flatten(0, 1)
        size = max(1, _CHUNK_BYTES // (4 * d_vocab))
        for start in range(0, len(flat), size):
            part = slice(start, min(start + size, len(flat)))
            yield part, self.unembed(flat[part]).float()


def run_hugging_face(module: Any, tokens: Int[Tensor, "batch pos"]) -> Output:
    """A Hugging Face causal LM's forward pass with the attention it is set to."""
    if not is_split(module):
        return Output.of_logits(module(input_ids=tokens, use_cache=False).logits)
    hidden = module.base_model(input_ids=tokens, use_cache=False).last_hidden_state
    return Output(hidden, _unembedding(module))


def _unembedding(module: Any) -> Callable[[Tensor], Tensor]:
    head = module.get_output_embeddings()
    cap = getattr(module.config, "final_logit_softcapping", None)
    return head if cap is None else lambda rows: cap * torch.tanh(head(rows) / cap)


# Modules whose head was compared with what they do themselves. Weak: they can be freed.
_split: weakref.WeakKeyDictionary[nn.Module, bool] = weakref.WeakKeyDictionary()


def is_split(module: Any) -> bool:
    """Whether body and unembedding, run apart, give the module's own logits.

    Some models scale or shift between the two; they are found out by a comparison on four tokens,
    once, and run whole.
    """
    known = _split.get(module)
    if known is None:
        known = _split[module] = _compare(module)
    return known


def _compare(module: Any) -> bool:
    head, body = module.get_output_embeddings(), module.base_model
    if head is None or body is module:
        return False
    tokens = torch.arange(4, device=head.weight.device)[None]
    whole = module(input_ids=tokens, use_cache=False).logits
    hidden = getattr(body(input_ids=tokens, use_cache=False), "last_hidden_state", None)
    if hidden is None:
        return False
    apart = _unembedding(module)(hidden)
    if apart.shape != whole.shape:
        return False
    tolerance = 1e-4 if whole.dtype == torch.float32 else 2e-2
    return bool((apart - whole).abs().max() <= tolerance * whole.abs().max())
