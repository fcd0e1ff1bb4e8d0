"""Scores of heads in files of other tools, as datasets that `scores=` takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from induction_kernels.errors import SelectionError

if TYPE_CHECKING:
    import pandas
    import xarray

#: Columns that say where a row belongs.
_ALONG = ("step", "tokens")
_HEAD = ("layer", "head")
#: Columns of our own tables that are no scores.
_BESIDE = {"series", "checkpoint", "tokens_estimated"}


def scores_from_csv(
    path: str | Path,
    columns: Sequence[str] | str | None = None,
    *,
    step: int | None = None,
    **options: Any,
) -> xarray.Dataset:
    """A table with a row a head, or a row a head and checkpoint: columns layer and head, a step or
    tokens where there are several checkpoints, and a column a score.

    Tables that this package saves are read as well. A head without a row is a gap.

    Args:
        columns: those that are scores; None for all that hold numbers.
        step: of the one checkpoint that the table is of, where it has no column for it.
        options: for pandas.read_csv; lines that begin with # are comments.

    Raises:
        SelectionError: no such file, no column layer or head, a column that holds no numbers, or
            two rows for one head and checkpoint.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, **{"comment": "#", "skipinitialspace": True, **options})
    except (OSError, ValueError) as error:
        raise SelectionError(f"{path} cannot be read: {error}.", "Give a CSV file.") from error
    return _of_table(table, str(path), columns, step, {"source": Path(path).name})


def scores_from_headvis(path: str | Path, *, step: int | None = None) -> xarray.Dataset:
    """The metrics of heads that HeadVis draws: its scatter_data.json, or the folder it is in, whose
    config.json says what each metric is.

    The format is that of https://github.com/anthropics/headvis (data_pipeline.py), in which
    Neuronpedia exports too: a list with {"layer", "head", <metric>: <number>, ...} of each head. A
    head that is not in it, and null, is a gap. Names begin with "headvis_".

    Args:
        step: of the checkpoint that it is of; not needed for a series of one.

    Raises:
        SelectionError: no such file, or something else in it.
    """
    import pandas as pd

    file = Path(path)
    file = file / "scatter_data.json" if file.is_dir() else file
    rows = _json(file)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or not rows:
        raise SelectionError(
            f"{file} holds {type(rows).__name__}, which is no list of heads.",
            "HeadVis writes one record a head into scatter_data.json.",
        )
    config_file = file.with_name("config.json")
    config = _json(config_file) if config_file.exists() else {}
    said = config.get("metric_descriptions", {}) if isinstance(config, dict) else {}
    found = _of_table(pd.DataFrame(rows), str(file), None, step, {"source": "HeadVis"})
    for name, one in found.data_vars.items():
        if isinstance(said, dict) and name in said:
            one.attrs["description"] = str(said[name])
    # Names of ours may be among them, of other definitions.
    return found.rename({name: f"headvis_{name}" for name in found.data_vars})


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SelectionError(f"{file} cannot be read: {error}.", "Give a JSON file.") from error


def _of_table(
    table: pandas.DataFrame,
    where: str,
    columns: Sequence[str] | str | None,
    step: int | None,
    attrs: dict[str, str],
) -> xarray.Dataset:
    import pandas as pd

    named = ", ".join(map(str, table.columns))
    missing = [one for one in _HEAD if one not in table]
    if missing:
        raise SelectionError(
            f"{where} has no column {missing[0]}; it has {named}.",
            "Rename its columns: layer and head, from 0, and step or tokens.",
        )
    several = sorted(set(table["series"])) if "series" in table else []
    if len(several) > 1:
        raise SelectionError(
            f"{where} has the series {', '.join(several)}.", "Give the rows of one."
        )
    along = next((one for one in _ALONG if one in table and table[one].notna().all()), None)
    keys = [*([] if along is None else [along]), *_HEAD]
    wanted = _columns(table, where, columns, named)
    try:
        index = table[keys].astype(np.int64)
        if not (index == table[keys].astype(np.float64)).all(axis=None):
            raise ValueError("one has decimals")
    except (TypeError, ValueError) as error:
        raise SelectionError(
            f"{', '.join(keys)} of {where} are not all whole numbers: {error}.", "Correct the rows."
        ) from error
    if index.duplicated().any():
        first = index[index.duplicated()].iloc[0].to_dict()
        which = ", ".join(f"{key} {value}" for key, value in first.items())
        raise SelectionError(f"{where} has two rows for {which}.", "Leave one of them.")
    numbers = table[wanted].set_axis(pd.MultiIndex.from_frame(index))
    found: xarray.Dataset = numbers.to_xarray().astype(np.float64)
    if along is not None:
        found = found.rename_dims({along: "checkpoint"})
    elif step is not None:
        found = found.assign_coords(step=step)
    for one in found.data_vars.values():
        one.attrs |= attrs
    return found


def _columns(
    table: pandas.DataFrame, where: str, columns: Sequence[str] | str | None, named: str
) -> list[str]:
    """Those that are scores: what was asked for, or all others that hold numbers."""
    others = [name for name in table.columns if name not in {*_HEAD, *_ALONG, *_BESIDE}]
    numbers = [name for name in others if table[name].dtype.kind in "fiub"]
    wanted = [columns] if isinstance(columns, str) else numbers if columns is None else [*columns]
    wrong = [name for name in wanted if name not in numbers]
    if wrong or not wanted:
        what = f"no score {wrong[0]!r}" if wrong else "no score"
        raise SelectionError(
            f"{where} has {what}: no such column that holds numbers, beside those that say where.",
            f"Its columns are {named}.",
        )
    return wanted
