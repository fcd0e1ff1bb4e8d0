"""Watch induction heads form, in a notebook: `display(InductionExplorer(model))`."""

from induction_kernels import CheckpointSeries, load_demo, sweep

from induction_explorer.explorer import InductionExplorer

__all__ = ["CheckpointSeries", "InductionExplorer", "load_demo", "sweep"]
