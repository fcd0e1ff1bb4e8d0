"""What a name on the command line stands for: a bundled series, a folder, a repository, a store."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from induction_kernels.errors import CheckpointError, InductionError, SelectionError

from induction_explorer.command.options import A_SERIES

if TYPE_CHECKING:
    from induction_kernels import CheckpointSeries

BUNDLED = "demo:"
_ALLOWED = f"SERIES is {A_SERIES}"
#: Where a path begins, or what no repository is called.
_PATH = re.compile(r"[./~]|.*\\|.*/.*/|[A-Za-z]:")


def is_store(name: str) -> bool:
    """Whether a sweep is, or would be, kept there."""
    return name.endswith(".zarr") or "://" in name or (Path(name) / "zarr.json").exists()


def series_named(
    name: str, *, steps: str | None = None, run: str | None = None, of_hub: str = "log16"
) -> CheckpointSeries:
    """The series of this name: "demo:" says that it is bundled; else a folder that is there; else a
    repository.

    Args:
        steps: "all", "log16", or steps with commas between them.
        run: of a repository that has several.
        of_hub: the steps of a repository's, where none are given; of others they are all.

    Raises:
        CheckpointError: there is none; says where it was looked for.
        SelectionError: a step that is not there, or no steps.
    """
    if is_store(name):
        raise CheckpointError(
            f"{name} is a place of a sweep's numbers, not a series of checkpoints.", _ALLOWED
        )
    bundled, here = name.startswith(BUNDLED), Path(name).exists()
    if _PATH.match(name) and not here:
        raise CheckpointError(f"There is no folder {name}.", _ALLOWED)
    chosen = None if steps is None else _steps(steps)

    from induction_kernels import CheckpointSeries, load_demo

    if bundled:
        return _select(load_demo(name.removeprefix(BUNDLED)), chosen)
    if here:
        return _select(CheckpointSeries.from_folder(name), chosen)
    try:
        return CheckpointSeries.from_hub(name, of_hub if chosen is None else chosen, run=run)
    except SelectionError:
        raise
    except InductionError as error:
        raise CheckpointError(
            f"There is no folder {name}; as a repository: {error.message}",
            f"{error.hint} {_ALLOWED}".strip(),
        ) from error


def _steps(text: str) -> str | list[int]:
    """What `CheckpointSeries.from_hub` takes."""
    if not re.fullmatch(r"[\d\s,]+", text):
        return text
    return [int(step) for step in re.findall(r"\d+", text)]


def _select(series: CheckpointSeries, steps: str | list[int] | None) -> CheckpointSeries:
    """The same choice of a series that is here whole."""
    if steps is None:
        return series
    from induction_kernels.checkpoints.choosing import choose

    return series.select(choose(series.steps, steps))


def names(text: str | None) -> list[str] | None:
    """Names with commas between them; None for none."""
    return None if text is None else [one for one in re.split(r"[\s,]+", text) if one]
