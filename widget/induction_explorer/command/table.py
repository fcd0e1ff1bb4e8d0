"""A dataset of a sweep as a table, one number a row, and the files that it is written into."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import xarray

#: In this order; of a dimension that no variable has there is no column.
_COLUMNS = ("name", "step", "tokens", "layer", "head", "position", "row", "value")


def long_form(found: xarray.Dataset) -> pd.DataFrame:
    """Rows in the order of names, checkpoints, and what lies under each; what does not apply is
    empty, and so is the value of a checkpoint that could not be read."""
    import pandas as pd

    parts = []
    for name, values in found.data_vars.items():
        part = values.rename("value").to_dataframe().reset_index()
        parts.append(part.assign(name=name))
    table = pd.concat(parts, ignore_index=True)
    columns = [column for column in _COLUMNS if column in table]
    whole = [column for column in columns if column not in {"name", "value"}]
    return table[columns].astype(dict.fromkeys(whole, "Int64"))


def as_csv(table: pd.DataFrame, found: xarray.Dataset, path: Path) -> None:
    """The first line says what the rows are; pandas reads past it with comment="#"."""
    attrs = found.attrs
    said = f"{attrs['series']}: scores and measures, one number a row"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {' '.join(said.split())}; induction-explorer {attrs['package_version']}\n")
        table.to_csv(file, index=False, lineterminator="\n")


def as_json_text(table: pd.DataFrame, found: xarray.Dataset, path: Path) -> None:
    """With what the dataset and its variables say of themselves."""
    rows = json.loads(table.to_json(orient="records", double_precision=15))
    variables = {str(name): one.attrs for name, one in found.data_vars.items()}
    said = {"attrs": found.attrs, "variables": variables, "rows": rows}
    path.write_text(json.dumps(said, default=str), encoding="utf-8")


def as_parquet(table: pd.DataFrame, found: xarray.Dataset, path: Path) -> None:
    table.to_parquet(path, index=False)
