"""Watch induction heads form, in a notebook: `display(InductionExplorer(model))`."""

from typing import TYPE_CHECKING, Any

from induction_explorer.explorer import InductionExplorer

if TYPE_CHECKING:
    from induction_kernels import CheckpointSeries, load_demo, sweep

__all__ = ["CheckpointSeries", "InductionExplorer", "load_demo", "sweep"]


def __getattr__(name: str) -> Any:
    """What computes is imported when it is first used: what a store holds is shown without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import induction_kernels

    return getattr(induction_kernels, name)
