"""What a forward pass ends in: the last hidden states, with the unembedding left to be done.

A vocabulary is large: logits of every position are the largest tensor of most forward passes, and
scores of heads need none of them, predictions one row, losses one row at a time.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from induction_kernels.restoring import remove, restoring

T = TypeVar("T")

#: Bytes of float32 logits in memory at a time; more rows would not make the product faster.
_CHUNK_BYTES = 32 << 20


@dataclass(frozen=True, eq=False)
class Output:
    """The end of a forward pass.

    Attributes:
        hidden: after the last norm, in the model's dtype. Where a model cannot be cut there, its
            logits.
        unembed: rows of `hidden` to rows of logits.
        cap: logits are cap tanh(x / cap) of what unembedding gives; None where they are that.
    """

    hidden: Float[Tensor, "batch pos d_hidden"]
    unembed: Callable[[Tensor], Tensor]
    cap: float | None = None

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
    """A Hugging Face causal LM's forward pass with the attention it is set to.

    Raises:
        NotCutHereError: for the first time that this model, with these weights, does something
            between body and unembedding; it is run whole from then on.
    """
    if module in _whole or not _can_be_cut(module):
        return Output.of_logits(module(input_ids=tokens, use_cache=False).logits)
    head = module.get_output_embeddings()
    unembedded: list[tuple[Tensor, Tensor]] = []
    hooks: list[Any] = []
    with restoring(lambda: remove(hooks)):
        keep = partial(_keep_rows, unembedded)
        hooks.extend(one.register_forward_hook(keep) for one in [head])
        hidden, last = _run_cut(module, tokens, 1)
    cap = getattr(module.config, "final_logit_softcapping", None)
    if not _agree(capped(_rows_of(head, hidden[:, -1:], unembedded), cap), last):
        _whole.add(module)
        raise NotCutHereError
    return Output(hidden, lambda rows: capped(head(rows), cap), cap)


def run_body(module: Any, tokens: Int[Tensor, "batch pos"]) -> None:
    """`run_hugging_face` for what happens on the way: where it can be said, without any logits."""
    if module in _whole or not _can_be_cut(module) or not _can_leave_out_logits(module):
        run_hugging_face(module, tokens)
    else:
        _run_cut(module, tokens, torch.empty(0, dtype=torch.long, device=tokens.device))


def _run_cut(
    module: Any, tokens: Int[Tensor, "batch pos"], kept: int | Int[Tensor, " position"]
) -> tuple[Float[Tensor, "batch pos d_hidden"], Float[Tensor, "batch kept d_vocab"]]:
    """What its body ends in, and the logits of the last positions, or of none."""
    ends: list[Tensor] = []
    hooks: list[Any] = []
    with restoring(lambda: remove(hooks)):
        keep = partial(_keep_end, ends)
        hooks.extend(body.register_forward_hook(keep) for body in _bodies(module))
        try:
            logits = module(input_ids=tokens, use_cache=False, logits_to_keep=kept).logits
        except NotCutHereError:  # said by attention that is done elsewhere
            _whole.add(module)
            raise
    # Some do not even compute what the logits that are kept do not need.
    if not ends or ends[-1].shape[:2] != tokens.shape:
        _whole.add(module)
        raise NotCutHereError
    return ends[-1], logits


class NotCutHereError(Exception):
    """A model's head is more than its unembedding, or its body does less than it would for all
    logits: the pass has to be run again."""


def cut_or_whole(run: Callable[[], T]) -> T:
    """What `run` gives, which runs a Hugging Face model, if need be a second time."""
    try:
        return run()
    except NotCutHereError:
        return run()


# Modules whose logits are more than their unembedding makes of their body's output, for once they
# were. Weak: they can be freed.
_whole: weakref.WeakSet[nn.Module] = weakref.WeakSet()


def _can_be_cut(module: Any) -> bool:
    """Whether there is an unembedding, and logits of one position can be asked for."""
    return (
        isinstance(module.get_output_embeddings(), nn.Module)
        and "logits_to_keep" in inspect.signature(module.forward).parameters
    )


def _can_leave_out_logits(module: Any) -> bool:
    """Whether `logits_to_keep` may be a list of positions, which may be empty, and a plain product
    is all that would have nothing to do."""
    head = module.get_output_embeddings()
    takes = inspect.signature(module.forward).parameters["logits_to_keep"].annotation
    hooked = any(part._forward_hooks or part._forward_pre_hooks for part in (module, head))
    return type(head) is nn.Linear and "Tensor" in str(takes) and not hooked


def _bodies(module: Any) -> list[nn.Module]:
    """The models within a model; which of them its head stands on, only its forward pass knows."""
    from transformers import PreTrainedModel

    bodies = [part for part in module.modules() if isinstance(part, PreTrainedModel)]
    return [body for body in bodies if body is not module]


def _keep_end(ends: list[Tensor], _module: nn.Module, _inputs: Any, output: Any) -> None:
    hidden = getattr(output, "last_hidden_state", None)
    if hidden is not None:
        ends.append(hidden)


def _keep_rows(
    unembedded: list[tuple[Tensor, Tensor]], _head: nn.Module, inputs: Any, output: Any
) -> None:
    if inputs and isinstance(output, Tensor):
        unembedded.append((inputs[0], output.clone()))  # others may write into it


def _rows_of(
    head: nn.Module, hidden: Float[Tensor, "batch 1 d_hidden"], seen: list[tuple[Tensor, Tensor]]
) -> Float[Tensor, "batch 1 d_vocab"]:
    """What the head makes of these: as the pass itself has just done, if it was of the very same.
    To read the head's weights a second time takes as long as a layer."""
    for given, made in seen:
        if _are_one(given, hidden):
            return made
    made_now: Tensor = head(hidden)
    return made_now


def _are_one(one: Tensor, other: Tensor) -> bool:
    """Whether two views are of the same numbers in memory. None is read, which a GPU would have to
    be waited for; `is_set_to` would do, but has no shapes-only version."""
    of_one, of_other = one._base, other._base  # noqa: SLF001 (what a view is of)
    if of_one is None or of_one is not of_other:
        return False
    same_place = one.storage_offset() == other.storage_offset()
    return same_place and one.shape == other.shape and one.stride() == other.stride()


def capped(logits: Float[Tensor, "..."], cap: float | None) -> Float[Tensor, "..."]:
    return logits if cap is None else cap * torch.tanh(logits / cap)


def _agree(apart: Float[Tensor, "batch 1 d_vocab"], own: Float[Tensor, "batch 1 d_vocab"]) -> bool:
    """The same products twice differ by rounding only; what is no number in both is alike."""
    if apart.shape != own.shape:
        return False
    off = (apart - own).abs().masked_fill(~apart.isfinite() & ~own.isfinite(), 0)
    tolerance = 1e-5 if own.dtype == torch.float32 else 1e-2
    return bool(off.max() <= tolerance * own.nan_to_num(0, 0, 0).abs().max())
