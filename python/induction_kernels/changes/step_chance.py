"""How often noise alone gives as much evidence of a step as a curve does.

The evidence is a ratio, free of scale and of trend: where a curve is noise about a trend, its
distribution depends on the checkpoints and on the noise's autocorrelation only. One simulation
serves all curves on the same checkpoints, and all calls: the answer is the same for every seed. p
is that of the least favourable autocorrelation up to 0.6. Beyond the simulated draws it comes from
a generalised Pareto tail (Hosking and Wallis 1987, probability-weighted moments).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from induction_kernels.changes.step_shapes import RHOS, Evidence, step_shapes

#: Draws a block, and blocks: as many as are needed to decide, but no more.
_BLOCK, FEWEST_BLOCKS, MOST_BLOCKS = 500, 4, 32
#: A tail is fitted to this share of the draws, with a shape from none to heavy; no p is given below
#: _SMALLEST, where the fit is not trusted.
_TAIL, _HEAVIEST, _SMALLEST = 0.05, 0.15, 1e-6
#: The error of p comes from leaving out each of so many parts of the draws.
_PARTS = 8


@dataclass(frozen=True, eq=False)
class Chance:
    """By curve: p, and its standard error from the simulation."""

    p: Float[np.ndarray, " curve"]
    error: Float[np.ndarray, " curve"]


def chance(
    x: tuple[float, ...], evidence: Evidence, blocks: int = FEWEST_BLOCKS
) -> tuple[Chance, Chance]:
    """Of `evidence.abrupt` and of `evidence.step`, from so many blocks of draws."""
    abrupt, step = _tails(x, blocks)
    return _chance(abrupt, evidence.abrupt), _chance(step, evidence.step)


@lru_cache(maxsize=64)
def _tails(x: tuple[float, ...], blocks: int) -> list[list[list[_Tail]]]:
    """Of both kinds of evidence, by autocorrelation: from all draws, then without each part."""
    drawn = np.concatenate([_block(x, number) for number in range(blocks)], axis=-1)
    return [[_whole_and_parts(draws) for draws in kind] for kind in drawn]


def _whole_and_parts(draws: np.ndarray) -> list[_Tail]:
    parts = draws.reshape(_PARTS, -1)
    without = [np.delete(parts, i, 0).ravel() for i in range(_PARTS)]
    return [_Tail.of(one) for one in (draws, *without)]


@lru_cache(maxsize=512)
def _block(x: tuple[float, ...], number: int) -> np.ndarray:
    """[kind, rho, draw]: both kinds of evidence in noise."""
    rng = np.random.default_rng([number, len(x)])
    shapes = step_shapes(x)
    evidence = [shapes.evidence(noise(rng, (_BLOCK, len(x)), rho)) for rho in RHOS]
    return np.array([[one.abrupt for one in evidence], [one.step for one in evidence]])


def noise(rng: np.random.Generator, shape: tuple[int, int], rho: float) -> np.ndarray:
    """AR(1) along the last axis, of unit variance."""
    drawn = rng.standard_normal(shape)
    for i in range(1, shape[1]):
        drawn[:, i] = rho * drawn[:, i - 1] + np.sqrt(1 - rho**2) * drawn[:, i]
    return drawn


def _chance(tails: list[list[_Tail]], observed: np.ndarray) -> Chance:
    """Of the least favourable autocorrelation; the error by leaving out each part (jackknife)."""
    p, error = np.zeros((2, len(observed)))
    for whole, *without in tails:
        one = whole.beyond(observed)
        logs = np.log([part.beyond(observed) for part in without])
        spread = one * np.sqrt((_PARTS - 1) / _PARTS * ((logs - logs.mean(0)) ** 2).sum(0))
        error = np.where(one > p, spread, error)
        p = np.maximum(p, one)
    return Chance(p, error)


@dataclass(frozen=True, eq=False)
class _Tail:
    """Rising draws, and what their largest ones say of larger ones still."""

    draws: np.ndarray
    threshold: float
    scale: float
    shape: float

    @classmethod
    def of(cls, draws: np.ndarray) -> _Tail:
        draws = np.sort(draws)
        count = int(_TAIL * len(draws))
        excess = draws[-count:] - draws[-count - 1]
        mean = excess.mean()
        weighted = (excess * (1 - (np.arange(count) + 0.65) / count)).mean()
        shape = float(np.clip(2 - mean / (mean - 2 * weighted), 1e-6, _HEAVIEST))
        return cls(draws, float(draws[-count - 1]), float(mean * (1 - shape)), shape)

    def beyond(self, observed: np.ndarray) -> np.ndarray:
        """The share of what the draws come from that is at or above each of `observed`."""
        count = len(self.draws)
        share = (count - np.searchsorted(self.draws, observed) + 1) / (count + 1)
        excess = np.maximum(observed - self.threshold, 0) / self.scale
        tail = _TAIL * (1 + self.shape * excess) ** (-1 / self.shape)
        return np.maximum(np.where(observed > self.threshold, tail, share), _SMALLEST)
