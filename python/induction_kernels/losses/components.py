"""Principal components of per-token losses: the path of training, in a plane.

Every checkpoint is a point whose coordinates are the losses of the same tokens, one a row of text.
Olsson et al. 2022 fit the components jointly over models; Kissane 2023 standardises every token's
losses and fits one model at a time. The paths turn where the phase change is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float

from induction_kernels.errors import ProbeError

if TYPE_CHECKING:
    import xarray

#: How much of a path's length lies before, and after, the point where its turn is measured.
_REACH = 0.15
_DRAWS = 200

Losses = Float[np.ndarray, "checkpoint row"]


@dataclass(frozen=True, eq=False)
class LossPCA:
    """The first two principal components of one series' per-token losses.

    Attributes:
        points: [checkpoint, 2]; NaN where a checkpoint has no losses.
        explained: share of the variance of all that was fitted, by component.
        unit: of the points: nats, or standard deviations for the standardised fit.
    """

    points: Float[np.ndarray, "checkpoint 2"]
    explained: Float[np.ndarray, "2"]
    unit: Literal["nats", "standard deviations"]


def loss_pca(
    losses: Mapping[str, Losses | xarray.Dataset], *, standardised: bool = False
) -> dict[str, LossPCA]:
    """Components of per-token losses of one or several series, by the series' names.

    Args:
        losses: losses [checkpoint, row] in nats, or what `measures` returns: the same tokens in
            the same order for all. NaN rows are left out of the fit.
        standardised: Kissane's variant: each token's losses to mean 0 and standard deviation 1,
            one fit a series. Otherwise one fit over the snapshots of all series, centred only.

    Returns:
        Signs are fixed so that the largest loading of each component is positive.

    Raises:
        ProbeError: fewer than three checkpoints, or losses of different texts.
    """
    checked = _check(losses)
    if standardised:
        return {
            name: _fit({name: _standardise(one)}, "standard deviations")[name]
            for name, one in checked.items()
        }
    return _fit(checked, "nats")


def _check(losses: Mapping[str, Losses | xarray.Dataset]) -> dict[str, np.ndarray]:
    if not losses:
        raise ProbeError("No losses were given.", "Give those of at least one series.")
    hashes = {
        name: one.attrs.get("text_hash") for name, one in losses.items() if hasattr(one, "attrs")
    }
    if len(set(hashes.values())) > 1:
        raise ProbeError(
            f"{' and '.join(hashes)} were measured on different tokens.",
            "Measure them on the same text; series with different tokenizers cannot be joined.",
        )
    matrices = {
        name: np.asarray(one["token_loss"] if hasattr(one, "attrs") else one, float)
        for name, one in losses.items()
    }
    sizes = {name: one.shape[1] for name, one in matrices.items()}
    if len(set(sizes.values())) > 1:
        raise ProbeError(f"The series have losses of {sizes} tokens.", "Give the same for all.")
    for name, one in matrices.items():
        known = int(np.isfinite(one).all(1).sum())
        if known < 3:
            raise ProbeError(
                f"{name} has losses at {known} checkpoints; a path needs three.",
                "Use a series of more checkpoints.",
            )
    return matrices


def _standardise(losses: np.ndarray) -> np.ndarray:
    spread = np.nanstd(losses, axis=0)
    standard: np.ndarray = (losses - np.nanmean(losses, axis=0)) / np.where(spread > 0, spread, 1)
    return standard


def _fit(
    losses: dict[str, np.ndarray], unit: Literal["nats", "standard deviations"]
) -> dict[str, LossPCA]:
    every = np.concatenate(list(losses.values()))
    known = every[np.isfinite(every).all(1)]
    mean = known.mean(0)
    _, singular, directions = np.linalg.svd(known - mean, full_matrices=False)
    loadings = np.zeros((2, every.shape[1]))
    loadings[: len(directions[:2])] = directions[:2]
    largest = np.take_along_axis(loadings, np.abs(loadings).argmax(1)[:, None], 1)
    loadings *= np.where(largest < 0, -1, 1)
    total = (singular**2).sum()
    explained = np.zeros(2)
    explained[: len(singular[:2])] = singular[:2] ** 2 / total if total > 0 else 0
    return {
        name: LossPCA((one - mean) @ loadings.T, explained, unit) for name, one in losses.items()
    }


@dataclass(frozen=True, eq=False)
class Turn:
    """Where a path turns most.

    Attributes:
        x: tokens (or steps) of the checkpoint.
        interval: 95 % bootstrap interval over the tokens measured.
        degrees: between the directions in which the path arrives and leaves; 0 is straight on.
        draws: [draw] x of the turn in the bootstrap.
    """

    x: float
    interval: tuple[float, float]
    degrees: float
    draws: Float[np.ndarray, " draw"]

    # To be compared with changes of curves, which have a middle: phase_change.Dated.

    @property
    def middle(self) -> float:
        return self.x

    @property
    def middle_interval(self) -> tuple[float, float]:
        return self.interval

    @property
    def middles(self) -> Float[np.ndarray, " draw"]:
        return self.draws


def find_turn(x: Float[np.ndarray, " checkpoint"], losses: Losses, *, seed: int = 0) -> Turn | None:
    """The sharpest turn of one series' path, or None for a path too short to have one.

    The direction of arrival is from the point 15 % of the path's length earlier, that of leaving to
    the point as much later; the ends of the path have no turn. A path always turns somewhere: the
    angle says how much, and nothing here tests it against chance.

    Args:
        losses: per-token losses [checkpoint, row]; NaN rows are left out.
    """
    known = np.isfinite(losses).all(1)
    x, losses = np.asarray(x, float)[known], np.asarray(losses, float)[known]
    if len(x) < 5:
        return None
    at, degrees = _sharpest(losses)
    if at is None:
        return None
    rng = np.random.default_rng(seed)
    rows = losses.shape[1]
    drawn = [_sharpest(losses[:, rng.integers(rows, size=rows)])[0] for _ in range(_DRAWS)]
    turns = np.array([x[i] for i in drawn if i is not None])
    low, high = np.percentile(turns, [2.5, 97.5])
    return Turn(float(x[at]), (float(min(low, x[at])), float(max(high, x[at]))), degrees, turns)


def _sharpest(losses: np.ndarray) -> tuple[int | None, float]:
    points = _fit({"": losses}, "nats")[""].points
    length = np.concatenate([[0], np.linalg.norm(np.diff(points, axis=0), axis=1).cumsum()])
    reach = _REACH * length[-1]
    best, sharpest = None, -1.0
    for i in range(1, len(points) - 1):
        if not reach <= length[i] <= length[-1] - reach:
            continue
        before = points[i] - _along(points, length, length[i] - reach)
        after = _along(points, length, length[i] + reach) - points[i]
        sizes = np.linalg.norm(before) * np.linalg.norm(after)
        if sizes == 0:
            continue
        degrees = float(np.degrees(np.arccos(np.clip(before @ after / sizes, -1, 1))))
        if degrees > sharpest:
            best, sharpest = i, degrees
    return best, sharpest


def _along(points: np.ndarray, length: np.ndarray, at: float) -> np.ndarray:
    return np.array([np.interp(at, length, points[:, k]) for k in (0, 1)])
