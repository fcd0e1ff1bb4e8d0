"""A training run of a few checkpoints, for tests of what is measured along it."""

from __future__ import annotations

from induction_kernels import CheckpointSeries
from small_models import bridge, variants

STEPS = [0, 10, 20, 40]
#: Layers and heads.
SHAPE = (2, 4)


def run(count: int = 4, name: str = "run") -> CheckpointSeries:
    model = bridge()
    return CheckpointSeries.from_state_dicts(
        model,
        variants(model, count),
        steps=STEPS[:count],
        tokens=[100 * step for step in STEPS[:count]],
        name=name,
    )
