"""Series of checkpoints, wherever they come from."""

from typing import TYPE_CHECKING, Any

from induction_kernels.checkpoints.checkpoint import Checkpoint

if TYPE_CHECKING:
    from induction_kernels.checkpoints.series import CheckpointSeries, series_of

__all__ = ["Checkpoint", "CheckpointSeries", "series_of"]


def __getattr__(name: str) -> Any:
    """A series loads weights, and so needs PyTorch; where its checkpoints lie does not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from induction_kernels.checkpoints import series

    return getattr(series, name)
