"""Attribution patching beside what it estimates: heads' outputs really replaced, one at a time.

An estimate is never called a change without saying so. How it is made, and what it misses, is in
`scores/of_causes/estimate.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsIndex

import numpy as np
from jaxtyping import Float

from induction_kernels.attention.door import as_model
from induction_kernels.causes.intervene import Head, every_head
from induction_kernels.causes.patches import Baseline, Grid, MetricName, Patching, Tokens
from induction_kernels.errors import SelectionError
from induction_kernels.models.model import Model
from induction_kernels.scores.of_causes.metrics import MetricFunction
from induction_kernels.whole_numbers import whole_number

if TYPE_CHECKING:
    import xarray

_FORMULA = "Σ over positions of (z' − z) · ∂m/∂z, mean over rows"
#: Heads that are measured beside the estimates by default.
TOP = 10


def attribution_patching(
    model: object,
    tokens: Tokens | None = None,
    *,
    metric: MetricName | MetricFunction = "second_copy_loss",
    baseline: Baseline = "zero",
    answer: str | int | None = None,
    period: int | None = None,
    seed: int = 0,
) -> xarray.DataArray:
    """An estimate of how a metric would change if a head gave something else, for all heads.

    estimate = Σ over positions of (z' − z) · ∂m/∂z, z what a head gives before W_O and z' what it
    would give instead (Nanda 2023; Syed et al. 2023; Kramár et al. 2024, "AtP*"). It takes one
    forward and one backward pass, and a forward pass more where other rows are taken from.

    How far to trust it: it is the slope where the model stands, and to take a head away is a large
    step. Heads that feed a saturated softmax, heads whose effects cancel here, and all heads where
    a loss is near 0 already, are estimated near 0 though they matter; where nothing bends on the
    way, as from the last layer to a logit without a norm, it is exact. `compare_patching` measures
    the heads with the largest estimates and says how far the two agree. No head was ablated.

    Args:
        model: anything `as_model` accepts whose attention is fused.
        tokens: by default repeated random tokens. With metric "second_copy_loss" your own need
            `period`; with "answer_logit" they are a prompt, a text or ids.
        metric: "second_copy_loss", in nats; "answer_logit", after the last position; or a function
            of one row's logits [1, pos, d_vocab] and tokens [1, pos] to one number, a tensor of no
            dimension, of which the mean over rows is taken.
        baseline: what a head would give: "zero"; "mean", over all rows and positions; "resample",
            what it gives on another row; or ids of the same shape, what it gives on those.
        answer: with "answer_logit", a text, whose first token it is, or an id.
        period: of repeated tokens of your own.
        seed: of the default tokens, and of which row is taken from which.

    Returns:
        [layer, head] float64, named estimated_change, in the metric's unit; NaN in layers without
        attention. Attributes say metric, its value, baseline and what it was measured on.

    Raises:
        SelectionError: a metric or baseline that does not exist or does not fit the tokens, a
            function that gives something else than a number that can be differentiated, or
            resampling with one row.
        PromptError, ProbeError: tokens or an answer that the model cannot read.
        UnsupportedModelError: a model that does not hand over what its heads give.
        InductionError: numbers that are not finite.
    """
    import xarray

    model = as_model(model)
    patching = Patching.of(model, tokens, metric, baseline, answer, period, seed)
    found = patching.estimate(model)
    return xarray.DataArray(
        found.change.numpy(),
        coords=model.axes,
        dims=("layer", "head"),
        name="estimated_change",
        attrs=model.provenance() | patching.provenance(found) | {"formula": _FORMULA},
    )


def compare_patching(
    model: object,
    tokens: Tokens | None = None,
    *,
    metric: MetricName | MetricFunction = "second_copy_loss",
    baseline: Baseline = "zero",
    answer: str | int | None = None,
    period: int | None = None,
    top: SupportsIndex | None = TOP,
    seed: int = 0,
) -> xarray.Dataset:
    """Estimates of all heads beside the measured changes of those with the largest.

    Args:
        model, tokens, metric, baseline, answer, period, seed: as `attribution_patching`.
        top: how many heads are measured, each alone, by one forward pass; None for all. Heads that
            matter and have small estimates are only found if all are.

    Returns:
        Variables (layer, head): estimated_change; exact_change, NaN of heads that were not
        measured; missed, the exact less the estimated. Attributes pearson and spearman, the
        correlations of the two over `heads_measured` heads, NaN of fewer than three.

    Raises:
        SelectionError: as `attribution_patching`, or top below 1.
    """
    import xarray

    model = as_model(model)
    count = model.n_layers * model.n_heads if top is None else whole_number(top, 1)
    if count is None:
        raise SelectionError(
            f"top={top!r} was given.", "Give a whole number of heads, at least 1, or None for all."
        )
    patching = Patching.of(model, tokens, metric, baseline, answer, period, seed)
    found = patching.estimate(model)
    estimated = found.change.numpy()
    *_, last = patching.exact_by_steps(model, largest(model, estimated, count))
    exact = last()
    grids = {
        "estimated_change": estimated,
        "exact_change": exact,
        "missed": exact - estimated,
    }
    return xarray.Dataset(
        {name: (("layer", "head"), grid) for name, grid in grids.items()},
        coords=model.axes,
        attrs=model.provenance() | patching.provenance(found) | correlations(estimated, exact),
    )


def largest(model: Model, estimated: Grid, count: int) -> list[Head]:
    """The heads of the largest estimates, whatever their sign, in falling order."""
    return sorted(every_head(model), key=lambda head: -abs(estimated[head]))[:count]


def correlations(estimated: Grid, exact: Grid) -> dict[str, float | int]:
    """Pearson's and Spearman's, over the heads that were measured; NaN of fewer than three, and
    where all have one number."""
    measured = np.isfinite(exact) & np.isfinite(estimated)
    pair = estimated[measured], exact[measured]
    ranks = [_ranks(one) for one in pair]
    return {
        "pearson": _pearson(*pair),
        "spearman": _pearson(*ranks),
        "heads_measured": int(measured.sum()),
    }


def _ranks(values: Float[np.ndarray, " head"]) -> Float[np.ndarray, " head"]:
    """Those that are alike share the middle of their ranks."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (count.cumsum() - (count - 1) / 2)[place].astype(float)


def _pearson(one: Float[np.ndarray, " head"], other: Float[np.ndarray, " head"]) -> float:
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])
