"""Watch induction heads form, in a notebook: `display(InductionExplorer(model))`.

A name is imported when it is first used: what a store holds is shown without PyTorch, and the
command line helps without the widget.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from induction_kernels import CheckpointSeries, load_demo, sweep

    from induction_explorer.explorer import InductionExplorer

__all__ = ["CheckpointSeries", "InductionExplorer", "load_demo", "sweep"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "induction_explorer.explorer" if name == "InductionExplorer" else "induction_kernels"
    found = getattr(import_module(home), name)
    globals()[name] = found
    return found
