"""What a session has computed so far, as datasets like those of `sweep` and `measures`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from induction_kernels.checkpoints.coordinates import along_training
from induction_kernels.losses.measure import MEASURES
from induction_kernels.scores.registry import describe

if TYPE_CHECKING:
    import xarray

    from induction_explorer.series.session import SeriesSession


def scores_of(session: SeriesSession) -> xarray.Dataset:
    """[checkpoint, layer, head], a variable a score; NaN where nothing is computed (yet)."""
    import xarray

    return xarray.Dataset(
        {
            score.name: (
                ("checkpoint", "layer", "head"),
                session.grids[score.name].copy(),
                describe(session.scorer_of(score), score),
            )
            for score in session.every_score
        },
        coords=_coords(session) | {"layer": range(session.layers), "head": range(session.heads)},
        attrs=_attrs(session),
    )


def measures_of(session: SeriesSession) -> xarray.Dataset:
    """[checkpoint], [checkpoint, position] and [checkpoint, row]; NaN where nothing is computed.

    Where a text has many positions, those that are drawn; the coordinate says which.
    """
    import xarray

    return xarray.Dataset(
        {
            name: (
                MEASURES[name].dims,
                values.copy(),
                {"title": MEASURES[name].title, "formula": MEASURES[name].formula},
            )
            for name, values in session.measured.arrays.items()
        },
        coords=_coords(session) | {"position": session.measured.positions},
        attrs=_attrs(session) | {"measured_on": session.measured.on},
    )


def _attrs(session: SeriesSession) -> dict[str, Any]:
    """As a sweep has them."""
    labels = session.series.labels
    faults = [f"{labels[i]}: {why}" for i, why in sorted(session.faults.items())]
    return session.provenance() | {"faults": faults}


def _coords(session: SeriesSession) -> dict[str, Any]:
    return {"checkpoint": range(len(session.series)), **along_training(session.series)}
