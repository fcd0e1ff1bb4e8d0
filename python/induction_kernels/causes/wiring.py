"""What feeds an induction head: composition by the weights, and what ablating each feeder does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from induction_kernels.attention import readout
from induction_kernels.attention.door import as_model
from induction_kernels.attention.layer_attention import LayerAttention
from induction_kernels.attention.readout import Reading
from induction_kernels.attention.stack import Pile, Stack
from induction_kernels.causes.intervene import Head, Intervener, check_heads, every_head
from induction_kernels.errors import UnsupportedModelError
from induction_kernels.inputs.batches import in_batches
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.models.model import Model
from induction_kernels.scores.of_weights.circuits import k_composition

if TYPE_CHECKING:
    import xarray

Grid = Float[np.ndarray, "layer head"]


@dataclass(frozen=True, eq=False)
class Wiring:
    """What feeds one head at one checkpoint; grids are NaN for heads in no earlier layer.

    Attributes:
        induction: the head's induction score with nothing ablated.
        composition: K-composition of each head with it, minus that of random weights; all NaN for a
            model whose weights cannot be read.
        previous_token: each head's score.
        effect, error: change of the head's induction score when this one's output is set to zero,
            and its standard error over the probe's rows.
    """

    induction: float
    composition: Grid
    previous_token: Grid
    effect: Grid
    error: Grid


def wiring(model: object, head: Head, *, seed: int = 0) -> xarray.Dataset:
    """Which heads of earlier layers feed a head, as (layer, head).

    An induction head needs to be told at every key which token came before; a previous-token head
    below writes that, and the head reads it through its keys (Elhage et al. 2021, Olsson et al.
    2022). Composition says what the weights allow, on rotary models without the rotation; the
    effect says what happens. A head whose ablation leaves the score alone may still be backed up by
    another.

    Raises:
        SelectionError: a head that does not exist.
        UnsupportedModelError: a model whose heads cannot be replaced.
    """
    import xarray

    model = as_model(model)
    (chosen,) = check_heads(model, [head])
    probe = RepeatedTokens.make(model, seed=seed)
    found = wire(model, chosen, probe, seed=seed)
    grids = ("composition", "previous_token", "effect", "error")
    return xarray.Dataset(
        {name: (("layer", "head"), getattr(found, name)) for name in grids}
        | {"induction": ((), found.induction)},
        coords=model.axes,
        attrs=model.provenance() | probe.provenance() | {"of": model.head_name(*chosen)},
    )


def wire(model: Model, head: Head, probe: RepeatedTokens, *, seed: int = 0) -> Wiring:
    """`wiring` on a probe that is used again."""
    rows = len(probe.tokens)
    feeding = [one for one in every_head(model) if one[0] < head[0]]
    run = partial(_read_part, model, head, probe, feeding)
    parts = list(in_batches(probe.tokens, rows, run))
    clean = torch.cat([found.clean for _, found in parts])
    previous = torch.stack(
        [found.previous * (part.stop - part.start) / rows for part, found in parts]
    ).sum(0)
    changes = torch.cat([found.ablated for _, found in parts], dim=1) - clean
    previous_token, effect, error = (
        np.full((model.n_layers, model.n_heads), np.nan, np.float32) for _ in range(3)
    )
    previous_token[: head[0]] = previous.numpy()
    for (below, other), change in zip(feeding, changes, strict=True):
        effect[below, other] = float(change.mean())
        error[below, other] = float(change.std() / rows**0.5)
    return Wiring(
        float(clean.mean()), _composition(model, head, seed), previous_token, effect, error
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """Of some rows of the probe: the head's score with nothing ablated and with each head that may
    feed it, and the previous-token scores of these."""

    clean: Float[Tensor, " row"]
    ablated: Float[Tensor, "feeding row"]
    previous: Float[Tensor, "layer head"]


def _read_part(
    model: Model, head: Head, probe: RepeatedTokens, feeding: list[Head], part: slice
) -> _Part:
    layer, index = head
    intervener = Intervener(model, probe.tokens[part])
    induction = Reading(readout.induction(probe.period, probe.lead), "pattern")
    previous = Reading(readout.previous_token(probe.tokens.shape[1]), "pattern")
    before = Pile(model, {"previous": previous})
    scores: list[Tensor] = []

    def read(attention: LayerAttention) -> None:
        if attention.layer == layer:
            scores.append(Stack.of_rows(attention).read(induction)[:, index].cpu())

    def read_all(attention: LayerAttention) -> None:
        read(attention)
        if attention.layer < layer:
            before.add(attention)

    intervener.run({}, read=read_all)
    for one in feeding:
        intervener.run({one: torch.zeros(())}, read=read)
    clean, *ablated = scores
    return _Part(
        clean,
        torch.stack(ablated) if ablated else clean.new_zeros(0, len(clean)),
        before.read()["previous"][:layer],
    )


def _composition(model: Model, head: Head, seed: int) -> Grid:
    try:
        pairs = k_composition(model, seed).pairs[:, :, head[0], head[1]]
    except UnsupportedModelError:
        return np.full((model.n_layers, model.n_heads), np.nan, np.float32)
    return pairs.float().cpu().numpy()
