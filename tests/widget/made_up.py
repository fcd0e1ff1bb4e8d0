"""Series whose numbers are made up: nothing is computed of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from induction_explorer import CheckpointSeries
from induction_explorer.series.session import SeriesSession
from induction_kernels.checkpoints.source import Checkpoint
from induction_kernels.losses.measure import MEASURES
from small_models import bridge
from torch import Tensor, nn


class Many:
    """A source of as many checkpoints as one likes, all the same."""

    tokenizer = None

    def __init__(self, count: int, name: str = "many") -> None:
        self.name = name
        self.checkpoints = [Checkpoint(step=i, tokens=1_000_000 * i) for i in range(count)]
        self._module = bridge(n_layers=1, n_heads=2)

    def build(self) -> nn.Module:
        return bridge(n_layers=1, n_heads=2)

    def weights(self, _index: int) -> Mapping[str, Tensor]:
        return self._module.state_dict()


def learning(name: str, at: int = 20, seed: int = 0) -> SeriesSession:
    """Of 40 checkpoints: all losses fall at one of them, and head L0H1 comes up a little later."""
    count, rng = 40, np.random.default_rng(seed)
    session = SeriesSession(CheckpointSeries(Many(count, name)))
    sizes = {"checkpoint": count, "position": 12, "row": 16}
    measured = session.measured
    measured._on, measured.positions = "numbers of chance", np.arange(12)
    for one in MEASURES.values():
        noise = rng.normal(scale=0.02, size=[sizes[dim] for dim in one.dims])
        fallen = _step(count, at).reshape(count, *[1] * (noise.ndim - 1))
        measured.arrays[one.name] = (5 - 2 * fallen + noise).astype(np.float32)
    for grid in session.grids.values():
        grid[:] = rng.normal(scale=0.1, size=grid.shape)
        grid[:, 0, 1] += _step(count, at + 4)
    return session


def _step(count: int, at: int) -> np.ndarray:
    return 1 / (1 + np.exp(-(np.arange(count) - at) / 1.5))
