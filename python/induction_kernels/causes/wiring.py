"""What feeds an induction head: composition by the weights, and what ablating each feeder does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from induction_kernels.causes.intervene import (
    Head,
    Intervener,
    check_heads,
    every_head,
)
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
    wired = wire(model, chosen, probe, seed=seed)
    grids = ("composition", "previous_token", "effect", "error")
    return xarray.Dataset(
        {name: (("layer", "head"), getattr(wired, name)) for name in grids}
        | {"induction": ((), wired.induction)},
        coords=model.axes,
        attrs=model.provenance() | probe.provenance() | {"of": model.head_name(*chosen)},
    )


def wire(model: Model, head: Head, probe: RepeatedTokens, *, seed: int = 0) -> Wiring:
    """`wiring` on a probe that is used again."""
    *_, last = wire_by_steps(model, head, probe, seed=seed)
    return last()


def wire_by_steps(
    model: Model,
    head: Head,
    probe: RepeatedTokens,
    *,
    seed: int = 0,
    batch: int | None = None,
) -> Iterator[Callable[[], Wiring]]:
    """`wire`: after every pass a function that gives what is known, NaN elsewhere.

    Between two of them other weights may be put into the model and taken out again.

    Args:
        batch: how many rows a pass runs, where memory allows; all of them by default.
    """
    rows = len(probe.tokens)
    feeding = [one for one in every_head(model) if one[0] < head[0]]
    composition = _composition(model, head, seed)
    clean = torch.full((rows,), torch.nan)
    previous = torch.zeros(head[0], model.n_heads)
    ablated = torch.full((len(feeding), rows), torch.nan)

    def known() -> Wiring:
        previous_token, effect, error = (
            np.full((model.n_layers, model.n_heads), np.nan, np.float32) for _ in range(3)
        )
        if clean.isfinite().all():
            previous_token[: head[0]] = previous.numpy()
        for (below, other), change in zip(feeding, ablated - clean, strict=True):
            effect[below, other] = float(change.mean())
            error[below, other] = float(change.std() / rows**0.5)
        return Wiring(float(clean.mean()), composition, previous_token, effect, error)

    parts = []
    for place, part in in_batches(probe.tokens, batch or rows, partial(_Part, model, head, probe)):
        clean[place] = part.clean
        previous += part.previous * (place.stop - place.start) / rows
        parts.append((place, part))
        yield known
    for number, one in enumerate(feeding):
        for place, part in parts:
            ablated[number, place] = part.without(one)
            yield known


class _Part:
    """Some rows of the probe, run again and again.

    Attributes:
        clean: the head's score with nothing ablated.
        previous: previous-token scores of the heads that may feed it.
    """

    clean: Float[Tensor, " row"]
    previous: Float[Tensor, "layer head"]

    def __init__(self, model: Model, head: Head, probe: RepeatedTokens, place: slice) -> None:
        self._head = head
        self._intervener = Intervener(model, probe.tokens[place])
        self._induction = Reading(readout.induction(probe.period, probe.lead), "pattern")
        previous = Reading(readout.previous_token(probe.tokens.shape[1]), "pattern")
        before = Pile(model, {"previous": previous})

        scores: list[Tensor] = []

        def read(attention: LayerAttention) -> None:
            if attention.layer < head[0]:
                before.add(attention)
            elif attention.layer == head[0]:
                scores.append(self._score(attention))

        self._intervener.run({}, read=read)
        (self.clean,) = scores
        self.previous = before.read()["previous"][: head[0]]

    def without(self, other: Head) -> Float[Tensor, " row"]:
        """The head's score when another gives nothing."""
        layer, _ = self._head
        return self._score(self._intervener.attention_at(layer, {other: torch.zeros(())}))

    def _score(self, attention: LayerAttention) -> Float[Tensor, " row"]:
        (found,) = Stack.of_rows(attention).read([self._induction])
        return found[:, self._head[1]].cpu()


def _composition(model: Model, head: Head, seed: int) -> Grid:
    try:
        pairs = k_composition(model, seed).pairs[:, :, head[0], head[1]]
    except UnsupportedModelError:
        return np.full((model.n_layers, model.n_heads), np.nan, np.float32)
    return pairs.float().cpu().numpy()
