"""Where the checkpoints of a series lie along training, as a dataset has it."""

from __future__ import annotations

import math
from typing import Any

from induction_kernels.checkpoints.series import CheckpointSeries


def along_training(series: CheckpointSeries) -> dict[str, Any]:
    """The coordinates checkpoint, step, tokens (NaN where unknown) and tokens_estimated."""
    return {
        "checkpoint": range(len(series)),
        "step": ("checkpoint", series.steps),
        "tokens": ("checkpoint", [math.nan if t is None else float(t) for t in series.tokens]),
        "tokens_estimated": ("checkpoint", series.tokens_estimated),
    }
