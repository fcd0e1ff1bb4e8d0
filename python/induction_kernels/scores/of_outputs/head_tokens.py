"""What one head does at a query: the keys that it looks for, and what it writes of each.

A head that attends to key k alone would write v_k W_O; under the last norm, as it divides at the
query, that adds to the logit of every token t

    l_k[t] = (γ ⊙ v_k W_O) · (W_U[:, t] − mean over the vocabulary of W_U) / s,

and what the head adds in all is Σ_k A[q, k] l_k[t]: its direct logit attribution. This is the OV
circuit of Elhage et al. 2021 at the values that the head really has there, whatever earlier layers
made of the token. The score S[q, k] before the softmax is the QK circuit's, by which it chooses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.door import as_model
from induction_kernels.attention.kernels import Softmax, attention
from induction_kernels.attention.layer_attention import LayerAttention
from induction_kernels.attention.patterns import check_heads
from induction_kernels.errors import SelectionError
from induction_kernels.inputs.padding import Mask
from induction_kernels.inputs.tokenization import sequence, token_strings
from induction_kernels.models.model import Model
from induction_kernels.restoring import without_gradients
from induction_kernels.scores.of_outputs.stream import run_attending
from induction_kernels.scores.of_outputs.unembedding import Attributable, Unembedding

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True, eq=False)
class HeadTokens:
    """Of one head at one query, its keys by attention, most first; on the CPU.

    Attributes:
        keys: positions.
        attention: to each of them.
        scores: before the softmax, less the mean over all keys that the query sees; NaN where a
            window hides the key.
        raised, lowered: ids of the tokens whose logits it raises and lowers most where it attends
            to that key alone, most first.
        raised_by, lowered_by: in logits, less their mean over the vocabulary.
    """

    keys: Int[Tensor, " key"]
    attention: Float[Tensor, " key"]
    scores: Float[Tensor, " key"]
    raised: Int[Tensor, "key rank"]
    raised_by: Float[Tensor, "key rank"]
    lowered: Int[Tensor, "key rank"]
    lowered_by: Float[Tensor, "key rank"]


def head_tokens(
    model: object,
    tokens: str | list[int] | Int[Tensor, "..."],
    head: tuple[int, int],
    query: int = -1,
    *,
    keys: int = 6,
    k: int = 5,
    attention_mask: Mask | None = None,
) -> xarray.Dataset:
    """Which tokens a head looks at from a query, and which it raises and lowers by what is there.

    One forward pass; W_U is read some rows at a time, and nothing is as large as the vocabulary
    but one logit of each token a key.

    Args:
        model: anything `as_model` accepts, as `direct_logit_attribution` does.
        tokens: a text (the model's BOS goes in front), or ids [pos] or [1, pos].
        head: (layer, head).
        query: the position it attends from; negative counts from the end.
        keys: at most so many, those it attends to most.
        k: tokens raised, and lowered, for each.
        attention_mask: of ids: 1 where there is a token and 0 where there is padding.

    Returns:
        Variables attention and score (key), raised and lowered (key, rank) as texts, raised_by and
        lowered_by (key, rank) in logits; coordinates key, a position, and token.

    Raises:
        PromptError, ProbeError: a sequence that the model cannot read.
        SelectionError: a head or a position that does not exist, or counts below 1.
        UnsupportedModelError: a model whose logits cannot be attributed to its heads, or whose
            attention does not hand over its values.
    """
    import xarray

    model = as_model(model)
    ids = sequence(model, tokens, attention_mask)
    n = ids.shape[1]
    if not -n <= query < n:
        raise SelectionError(
            f"Position {query} is outside the sequence.", f"It has positions 0 to {n - 1}."
        )
    if keys < 1 or k < 1:
        raise SelectionError(f"keys={keys} and k={k} were given.", "Ask for at least 1 of each.")
    found = tokens_of_head(model, ids, head, query % n, keys, k)
    texts = {
        name: [token_strings(model, row) for row in getattr(found, name)]
        for name in ("raised", "lowered")
    }
    return xarray.Dataset(
        {
            "attention": ("key", found.attention.numpy()),
            "score": ("key", found.scores.numpy()),
            **{name: (("key", "rank"), of) for name, of in texts.items()},
            "raised_by": (("key", "rank"), found.raised_by.numpy()),
            "lowered_by": (("key", "rank"), found.lowered_by.numpy()),
        },
        coords={
            "key": found.keys.numpy(),
            "token": ("key", token_strings(model, ids[0, found.keys])),
        },
        attrs=model.provenance()
        | {"of": model.head_name(*head), "query": query % n, "units": "logits"},
    )


def tokens_of_head(
    model: Model, ids: Int[Tensor, "1 pos"], head: tuple[int, int], query: int, keys: int, k: int
) -> HeadTokens:
    """`head_tokens` at a position counted from 0.

    Raises:
        SelectionError, UnsupportedModelError: as there.
    """
    ((layer, number),) = check_heads(model, [head])
    of = Attributable.of(model)
    seen: list[tuple[LayerAttention, Tensor]] = []

    def attend(at: int, q: Tensor, key: Tensor, value: Tensor, softmax: Softmax) -> Tensor:
        z, lse = attention(q, key, value, softmax)
        if at == layer:
            seen.append((LayerAttention(at, q, key, lse, softmax), value))
        return z

    with without_gradients():
        end = run_attending(model, of.parts, ids, attend)
        here, values = seen[0]
        unembedding = Unembedding(of, torch.tensor([query], device=model.device))
        pattern, scores = here.row(number, query)
        most = pattern.topk(min(keys, query + 1))
        *_, out = of.parts.heads(layer)
        shared = number * values.shape[1] // model.n_heads
        written = values[0, shared, most.indices].float() @ out[number].float()
        logits = torch.cat([written @ rows.T for rows in unembedding.chunks()], 1)
        logits = logits * unembedding.inverse_spread(end)[0, 0]
        raised, lowered = (logits.topk(min(k, logits.shape[1]), largest=up) for up in (True, False))
    return HeadTokens(
        keys=most.indices.cpu(),
        attention=most.values.cpu(),
        scores=scores[most.indices].cpu(),
        raised=raised.indices.cpu(),
        raised_by=raised.values.cpu(),
        lowered=lowered.indices.cpu(),
        lowered_by=lowered.values.cpu(),
    )
