"""What is known of checkpoints that may not be what their names say, in a sweep of them."""

from __future__ import annotations

import warnings

from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.sweeps.store import Store


def check_names(series: CheckpointSeries, *, progress: bool) -> None:
    """Compare hashes where a hub tells them, before anything is downloaded, and warn of what is
    found. On this machine they would have to be made of every byte: `series.check()` does that."""
    if series.is_remote and not series.is_checked:
        series.check(progress=progress)
    doubtful = [f"{label}: {why}" for label, status, why in findings(series) if status == "fault"]
    if doubtful:
        more = f"; and {len(doubtful) - 2} more" if len(doubtful) > 2 else ""
        warnings.warn(
            f"Of {series.name}, what {len(doubtful)} of {len(series)} checkpoints hold is not what "
            f"their names say ({'; '.join(doubtful[:2])}{more}). series.check() lists them, and "
            "series.select leaves out what you do not want.",
            stacklevel=3,
        )


def keep_findings(store: Store, series: CheckpointSeries) -> None:
    """In a store, if the series was checked.

    Raises:
        StoreError: it cannot be written.
    """
    if series.is_checked:
        store.keep_findings(series.labels, findings(series))


def findings(series: CheckpointSeries) -> list[tuple[str, str, str]]:
    """The label of a checkpoint, "fault" or "note", and why."""
    return [
        (series[one.checkpoint].label, one.status, one.reason)
        for one in series.findings
        if one.status != "unknown"
    ]
