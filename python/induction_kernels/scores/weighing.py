"""Attention times the size of what it moves: A[q, k] · ‖vₖ‖ and A[q, k] · ‖vₖ W_O‖.

A head that rests on a token whose value is next to nothing writes next to nothing of it; A alone
does not tell (Kobayashi et al. 2020, "Attention is Not Only a Weight"). Sizes are shares of the
largest of the head in the same sequence, so what is weighed lies between 0 and A; how large one
head's values are beside another's is not in it.

Sizes are linear in the length: of v W_O they are vᵀ (W_O W_Oᵀ) v, a d_head x d_head product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args

import torch
from einops import einsum
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.door import as_model
from induction_kernels.attention.kernels import for_every_head
from induction_kernels.attention.layer_attention import Weigh
from induction_kernels.attention.patterns import (
    Head,
    Keep,
    See,
    check_heads,
    keep_whole,
    run_patterns,
)
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.errors import SelectionError, UnsupportedModelError
from induction_kernels.inputs.padding import Mask
from induction_kernels.inputs.tokenization import sequence
from induction_kernels.models.model import Model
from induction_kernels.models.outputs import Output
from induction_kernels.scores.of_weights.parts import parts_of

#: The size of v, or of what the head writes of it, v W_O.
By = Literal["value", "output"]


def value_weighted_patterns(
    model: object,
    tokens: str | list[int] | Int[Tensor, "..."],
    heads: Iterable[tuple[int, int]] | None = None,
    *,
    by: By = "value",
    attention_mask: Mask | None = None,
) -> Float[Tensor, "head query key"]:
    """`attention_patterns` times the size of the values: A[q, k] · ‖vₖ‖ / max over k of ‖vₖ‖.

    Args:
        model, tokens, heads, attention_mask: as `attention_patterns` has them.
        by: "value", or "output" for ‖vₖ W_O‖, the size of what the head would write if it attended
            to key k alone, but for b_O.

    Returns:
        float32 on the CPU, 0..1; rows sum to 1 at most.

    Raises:
        SelectionError: a head that does not exist, or another `by`.
        PromptError: a sequence the model cannot run.
        UnsupportedModelError: a model that does not hand over its values, or by "output" whose W_O
            is not to be found.
    """
    model = as_model(model)
    check_by(by)
    wanted = check_heads(model, heads)
    ids = sequence(model, tokens, attention_mask)
    found: dict[Head, Tensor] = {}
    run_weighed_patterns(model, ids, wanted, found.__setitem__, keep_whole, by=by)
    return torch.stack([found[head] for head in wanted])


def run_weighed_patterns(
    model: Model,
    tokens: Int[Tensor, "1 pos"],
    heads: list[Head],
    store: Callable[[Head, Any], None],
    keep: Keep,
    see: See = lambda *_: None,
    *,
    by: By,
) -> Output:
    """`run_patterns` of attention that is weighed.

    Raises:
        UnsupportedModelError: as `value_weighted_patterns`.
    """
    try:
        return run_patterns(model, tokens, heads, store, keep, see, weighing(model, [by]))
    except DoesNotFitError as error:
        raise without_values(model, error) from error


def check_by(by: str) -> None:
    """Raises: SelectionError: nothing that attention is weighed by."""
    if by not in get_args(By):
        raise SelectionError(
            f"Attention is not weighed by {by!r}.", f"by= is one of {', '.join(get_args(By))}."
        )


def weighing(model: Model, by: Iterable[str]) -> dict[str, Weigh]:
    """What weighs attention by each of these.

    Raises:
        UnsupportedModelError: by "output", a model whose W_O is not to be found.
    """
    return {one: _by_output(model) if one == "output" else _by_value(model) for one in by}


def without_values(model: Model, error: DoesNotFitError) -> UnsupportedModelError:
    """To be raised for it."""
    return UnsupportedModelError(
        f"Attention of {model.name} cannot be weighed by its values: {error}.",
        "Ask for attention as it is; or give the Hugging Face model, or its bridge as it was "
        "loaded, without compatibility mode.",
    )


def _by_value(model: Model) -> Weigh:
    def weigh(_layer: int, v: Float[Tensor, "batch kv_head pos d_value"]) -> Tensor:
        return _shares(for_every_head(v.float().norm(dim=-1, keepdim=True), model.n_heads)[..., 0])

    return weigh


def _by_output(model: Model) -> Weigh:
    heads = parts_of(model).heads

    def weigh(layer: int, v: Float[Tensor, "batch kv_head pos d_value"]) -> Tensor:
        *_, out = heads(layer)
        out = out.float()
        gram = einsum(out, out, "head one model, head other model -> head one other")
        of_heads = for_every_head(v.float(), model.n_heads)
        squares = ((of_heads @ gram) * of_heads).sum(-1)
        return _shares(squares.clamp(min=0).sqrt())

    return weigh


def _shares(sizes: Float[Tensor, "batch head pos"]) -> Float[Tensor, "batch head pos"]:
    """Of the largest; 0 where all are 0."""
    largest = sizes.amax(-1, keepdim=True)
    return torch.where(largest == 0, 0, sizes / largest)
