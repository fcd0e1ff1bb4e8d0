"""`direct_logit_attribution` of one text, as a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Int
from torch import Tensor

from induction_kernels.attention.door import as_model
from induction_kernels.attention.forward import run
from induction_kernels.errors import SelectionError
from induction_kernels.inputs.padding import Mask
from induction_kernels.inputs.probes import check_tokens
from induction_kernels.inputs.tokenization import answer_token, sequence, token_strings
from induction_kernels.models.model import Model
from induction_kernels.restoring import without_gradients
from induction_kernels.scores.of_outputs.attribution import attribute

if TYPE_CHECKING:
    import xarray

#: One token for all positions, as a text or an id, or an id for each.
Targets = str | int | list[int] | Int[Tensor, " pos"]


def direct_logit_attribution(
    model: object,
    tokens: str | list[int] | Int[Tensor, "..."],
    target: Targets | None = None,
    *,
    attention_mask: Mask | None = None,
) -> xarray.Dataset:
    """What every head, MLP, embedding and bias adds to a token's logit, at every query.

    All parts sum to `logit`, which is seen to be the model's own. It takes one forward pass, one
    more without `target`, and memory linear in the length: W_U is read at the targets alone.

    Args:
        model: anything `as_model` accepts whose heads write z W_O into the residual stream as it
            is, under a LayerNorm or RMSNorm before the unembedding.
        tokens: a text (the model's BOS goes in front), or ids [pos] or [1, pos].
        target: a text, whose first token it is (" C" has a leading space), or an id: that token at
            every position; or an id for each [pos]. By default the token that comes next, and
            after the last the likeliest.
        attention_mask: of ids: 1 where there is a token and 0 where there is padding.

    Returns:
        Variables heads (layer, head, query), mlps and out_bias (layer, query), embedding, position,
        bias, logit and mean_logit (query), in logits; coordinates token and target, as texts. Where
        a model caps its logits, these are the ones before (attribute `cap`).

    Raises:
        PromptError, ProbeError: a sequence or a target that the model cannot read.
        SelectionError: as many targets as there are no positions.
        UnsupportedModelError: a model that does something else to what its heads write, as where a
            norm comes after them, or to its last hidden states.
    """
    import xarray

    model = as_model(model)
    ids = sequence(model, tokens, attention_mask)
    targets = _targets(model, ids, target)
    found = attribute(model, ids, targets, torch.arange(ids.shape[1]))
    of_layers = {"mlps": found.mlps, "out_bias": found.out_bias}
    whole = ("embedding", "position", "bias", "logit", "mean_logit")
    return xarray.Dataset(
        {"heads": (("layer", "head", "query"), found.heads[0].numpy())}
        | {name: (("layer", "query"), of[0].numpy()) for name, of in of_layers.items()}
        | {name: ("query", getattr(found, name)[0].numpy()) for name in whole},
        coords=model.axes
        | {
            "token": ("query", token_strings(model, ids[0])),
            "target": ("query", token_strings(model, targets[0])),
        },
        attrs=model.provenance()
        | {"units": "logits"}
        | ({} if found.cap is None else {"cap": found.cap}),
    )


def _targets(
    model: Model, ids: Int[Tensor, "1 pos"], target: Targets | None
) -> Int[Tensor, "1 pos"]:
    if target is None:
        with without_gradients():
            likeliest = run(model, ids).logits_at(0, -1).argmax().cpu()
        return torch.cat([ids[0, 1:], likeliest[None]])[None]
    if isinstance(target, str):
        target = answer_token(model, target)
    given = torch.as_tensor(target)
    if given.ndim and given.shape != ids.shape[1:]:
        raise SelectionError(
            f"target has the shape {tuple(given.shape)} for {ids.shape[1]} tokens.",
            "Give one token, or one for every position.",
        )
    return check_tokens(model, given.expand(ids.shape))
