"""Series of checkpoints, wherever they come from."""

from induction_kernels.checkpoints.series import CheckpointSeries, series_of
from induction_kernels.checkpoints.source import Checkpoint

__all__ = ["Checkpoint", "CheckpointSeries", "series_of"]
