"""Attribution patching: what replacing a head's output would do, estimated for all heads at once.

With m the metric, z what a head gives at a position, before W_O, and z' what it would give instead,

    estimate = Σ over positions of (z' − z) · ∂m/∂z,

the first term of the Taylor series of the change. The derivative has in it all that later layers
make of what the head gives, so one pass backwards answers for every head. Nanda 2023 ("Attribution
Patching: Activation Patching At Industrial Scale"), Syed et al. 2023 ("Attribution Patching
Outperforms Automated Circuit Discovery"), Kramár et al. 2024 ("AtP*").

What the number is not: an ablation. It is right for changes so small that the model is linear in
them, and to take a head away is no small change. It misses

- heads that feed a saturated softmax: where a later head attends to one token with all it has, no
  small change moves it, though to take away what it looks for does;
- a metric that is flat where it stands: a loss near 0 has a slope near 0, whatever the model would
  lose;
- direct and indirect effects of a head that cancel here and would not further away;
- norms that divide by what the head itself helped to make.

Heads that matter can have an estimate near 0; measure those that matter to you.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.kernels import Softmax, attend_plainly
from induction_kernels.attention.reach import way_to
from induction_kernels.inputs.batches import in_batches
from induction_kernels.inputs.text_size import ABLATED_BATCH
from induction_kernels.models.model import Model
from induction_kernels.scores.of_causes.derivatives import OfLayers, derivatives
from induction_kernels.scores.of_causes.metrics import Metric

#: What heads would give instead: nothing; their mean over all rows and positions; or what they give
#: at the same places of these rows.
Instead = Literal["zero", "mean"] | Int[Tensor, "row pos"]


@dataclass(frozen=True, eq=False)
class Estimate:
    """Attributes:
    change: of the metric, were the head's output replaced everywhere; float64 on the CPU, NaN in
        layers without attention.
    metric: as it is, the mean over rows.
    """

    change: Float[Tensor, "layer head"]
    metric: float


def estimate(
    model: Model,
    tokens: Int[Tensor, "row pos"],
    metric: Metric,
    instead: Instead = "zero",
    *,
    batch: int = ABLATED_BATCH,
) -> Estimate:
    """One pass forwards and one backwards, and another forwards for other rows to take from.

    Args:
        batch: how many rows a pass runs, where memory allows: no number depends on it.

    Raises:
        UnsupportedModelError, InductionError: as `derivatives`.
    """
    *_, last = estimate_by_steps(model, tokens, metric, instead, batch=batch)
    found = last()
    assert found is not None
    return found


def estimate_by_steps(
    model: Model,
    tokens: Int[Tensor, "row pos"],
    metric: Metric,
    instead: Instead = "zero",
    *,
    batch: int = ABLATED_BATCH,
) -> Iterator[Callable[[], Estimate | None]]:
    """`estimate`: after every pass a function that gives it, None until it is whole.

    Between two of them other weights may be put into the model and taken out again.
    """
    run = partial(_sums, model, tokens, metric, instead)
    parts: list[_Sums] = []
    for place, part in in_batches(tokens, batch, run):
        parts.append(part)
        whole = place.stop == len(tokens)
        yield partial(_estimate, model, tokens, instead, parts) if whole else lambda: None


def _estimate(
    model: Model, tokens: Int[Tensor, "row pos"], instead: Instead, parts: list[_Sums]
) -> Estimate:
    rows, length = tokens.shape
    change = torch.full((model.n_layers, model.n_heads), torch.nan, dtype=torch.double)
    for layer in model.attending:
        of_layer = [part.layers[layer] for part in parts]
        own, other, slopes, given = (sum(one) for one in zip(*of_layer, strict=True))
        if instead == "mean":
            other = (slopes * given / (rows * length)).sum(-1)
        change[layer] = (other - own) / rows
    return Estimate(change, sum(part.metric for part in parts) / rows)


#: Of one layer, in double precision: Σ z · ∂m/∂z and Σ z' · ∂m/∂z, [head]; Σ ∂m/∂z and Σ z,
#: [head, d_head].
_OfLayer = tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class _Sums:
    """Over rows and positions."""

    layers: dict[int, _OfLayer]
    metric: float


def _sums(
    model: Model, tokens: Int[Tensor, "row pos"], metric: Metric, instead: Instead, part: slice
) -> _Sums:
    found = derivatives(model, tokens[part], metric)
    others = _given(model, instead[part]) if isinstance(instead, Tensor) else {}
    layers = {
        layer: tuple(_of_layer(z, others.get(layer), found.slopes[layer]))
        for layer, z in found.z.items()
    }
    return _Sums(layers, float(found.values.double().sum()))


def _of_layer(z: Tensor, other: Tensor | None, slopes: Tensor) -> Iterator[Tensor]:
    wide = torch.float64 if z.dtype == torch.float64 else torch.float32
    z, slopes = z.to(wide), slopes.to(wide)
    none = torch.zeros((), dtype=wide, device=z.device)
    for one in (z, none if other is None else other.to(wide)):
        yield (one * slopes).sum((0, 2, 3)).cpu().double()
    for one in (slopes, z):
        yield one.sum((0, 2)).cpu().double()


def _given(model: Model, tokens: Int[Tensor, "row pos"]) -> OfLayers:
    """What heads give on these rows."""
    z: dict[int, Tensor] = {}

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> Tensor:
        z[layer] = attend_plainly(layer, q, k, v, softmax)
        return z[layer]

    with model.evaluating():
        way_to(model).fused().run(tokens.to(model.device), attend, None)
    return z
