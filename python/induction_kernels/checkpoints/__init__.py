"""Series of checkpoints, wherever they come from."""

from induction_kernels.checkpoints.series import Checkpoint, CheckpointSeries, series_of

__all__ = ["Checkpoint", "CheckpointSeries", "series_of"]
