"""Are weights where training should have them? Told by how far checkpoints are from each other.

Of a path, neighbours are the nearest, and a point is about between those beside it: of one straight
ahead as of a random walk. What is said here is of distances only, so that no run is expected to be
like another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from statistics import median

import torch
from jaxtyping import Float
from torch import Tensor

from induction_kernels.checkpoints.findings import Finding

#: How many numbers of a checkpoint are looked at.
_SAMPLE = 1 << 17
#: How far off a point is, in distances of those beside it: 0.5 on a straight path, 0.7 on a random
#: walk, 1 where each is an independent error around one point.
_DETOUR = 1.5
#: How many times as far a gap is as those around it make likely; at an end they say less.
_LEAP, _LEAP_AT_AN_END = 4.0, 10.0
#: Two that are not neighbours, as a part of the way from either to its own.
_NEARER = 0.5

Sketches = Mapping[int, Float[Tensor, "sample"]]


def sketch(weights: Mapping[str, Tensor]) -> Float[Tensor, "sample"]:
    """The same evenly spread numbers of every checkpoint, of each tensor by its size."""
    floating = [w for _, w in sorted(weights.items()) if w.is_floating_point()]
    stride = max(1, math.ceil(sum(value.numel() for value in floating) / _SAMPLE))
    return torch.cat([value.flatten()[::stride].float() for value in floating])


def out_of_place(
    labels: Sequence[str], steps: Sequence[int], sketches: Sketches, *, still: bool = False
) -> Iterator[Finding]:
    """Checkpoints that lie where another one should, or nowhere near their neighbours.

    Args:
        sketches: by index; those that could not be read are left out.
        still: the first two are one, and should be.
    """
    if len(sketches) < 3:
        return
    at = sorted(sketches)
    points = torch.stack([sketches[index] for index in at])
    apart = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
    found: dict[int, str] = {}
    for one, other in _Path(apart).misplaced():
        found[at[one]] = f"lies where {labels[at[other]]} does, far from those beside it"
    for one, other in pairwise(at):
        if torch.equal(sketches[one], sketches[other]) and not (still and other == 1):
            found[other] = f"holds the same numbers as {labels[one]}"
    # What is misplaced says nothing of those that were taken for its neighbours.
    kept = [place for place, index in enumerate(at) if index not in found]
    path, at = _Path(apart[kept][:, kept]), [at[place] for place in kept]
    off = set(path.off_the_way())
    for i in off:
        before, after = labels[at[i - 1]], labels[at[i + 1]]
        found[at[i]] = f"is far from {before} and {after}, which are near each other"
    for i, times in path.leaps([steps[index] for index in at]):
        if not {i, i + 1} & off:
            found[at[i + 1]] = (
                f"is {times:.0f} times as far from {labels[at[i]]} as the gaps around make likely: "
                "one of the two is not what its name says"
            )
    for index, why in sorted(found.items()):
        yield Finding(index, "fault", why)


class _Path:
    """Args:
    apart: distances between all points of it, in order.
    """

    def __init__(self, apart: Float[Tensor, "point point"]) -> None:
        self._apart: list[list[float]] = apart.tolist()
        self._count = len(self._apart)

    def misplaced(self) -> Iterator[tuple[int, int]]:
        """Points and where they lie instead: of two that are near each other and not beside each
        other, the one that fits its neighbours worse."""
        near = [min(self._beside(i)) for i in range(self._count)]
        for i, j in combinations(range(self._count), 2):
            if j - i > 1 and self._apart[i][j] < _NEARER * min(near[i], near[j]):
                yield (i, j) if self._off(i) > self._off(j) else (j, i)

    def off_the_way(self) -> Iterator[int]:
        return (i for i in range(1, self._count - 1) if self._off(i) > _DETOUR)

    def leaps(self, steps: Sequence[int]) -> Iterator[tuple[int, float]]:
        """Gaps after these points, and how many times as large they are as those around. Many
        small steps go as far as the root of their number, so gaps are compared by that."""
        rates = [
            math.log(max(self._apart[i][i + 1], 1e-12) / math.sqrt(max(1, steps[i + 1] - steps[i])))
            for i in range(self._count - 1)
        ]
        for i, rate in enumerate(rates):
            around = [*rates[max(0, i - 2) : i], *rates[i + 1 : i + 3]]
            most = _LEAP_AT_AN_END if i in {0, len(rates) - 1} else _LEAP
            if len(around) > 1 and rate - median(around) > math.log(most):
                yield i, math.exp(rate - median(around))

    def _beside(self, i: int) -> list[float]:
        return [self._apart[i][j] for j in (i - 1, i + 1) if 0 <= j < self._count]

    def _off(self, i: int) -> float:
        """How far a point is from between its neighbours; at an end, its gap by the next one."""
        if i in {0, self._count - 1}:
            inward = 1 if i == 0 else -1
            to, between = self._beside(i), self._apart[i + inward][i + 2 * inward]
        else:
            to, between = self._beside(i), self._apart[i - 1][i + 1]
        return math.sqrt(sum(d * d for d in to) / len(to)) / max(between, 1e-12)
