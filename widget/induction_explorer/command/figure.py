"""A figure of what a sweep found: one variable over training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from induction_kernels.errors import InductionError, SelectionError

if TYPE_CHECKING:
    import xarray

#: Which is drawn where none is named: the first that is there.
_PREFERRED = ("prefix_matching", "induction", "loss")


def draw(found: xarray.Dataset, kind: str, path: Path) -> str:
    """The curves of one score of all heads, the two best in colour; or of one measure.

    Args:
        kind: of file, as Matplotlib has it: "svg".

    Returns:
        What is drawn.

    Raises:
        InductionError: Matplotlib is not installed.
        SelectionError: several names, or a measure that is no curve over training.
    """
    try:
        from induction_kernels import plots
    except ImportError as error:
        raise InductionError(str(error)) from error
    there = [str(name) for name in found.data_vars]
    preferred = [name for name in _PREFERRED if name in there]
    if len(there) > 1 and not preferred:
        raise SelectionError(
            "A figure shows one score or measure.", f"Give --only with one of {', '.join(there)}."
        )
    name = there[0] if len(there) == 1 else preferred[0]
    if "head" in found[name].dims:
        axes = plots.head_curves(found, name, heads=_best(found[name]))
    else:
        axes = plots.over_training(found, name)
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.savefig(path, format=kind)
    return f"{name.replace('_', ' ')} over training"


def _best(score: xarray.DataArray) -> list[tuple[int, int]]:
    """The two heads in which a score ends highest."""
    last = score.dropna("checkpoint", how="all").isel(checkpoint=-1).to_numpy()
    order = last.ravel().argsort()[::-1][:2]
    return [divmod(int(index), last.shape[1]) for index in order]
