"""`induction-explorer export`: every number of a store, as a file that others read."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
import xarray
from commands import here, run

SHAPES = {
    "previous_token": ("step", "layer", "head"),
    "induction": ("step", "layer", "head"),
    "loss": ("step",),
    "loss_by_position": ("step", "position"),
    "token_loss": ("step", "row"),
}


@pytest.fixture
def kept(store) -> xarray.Dataset:
    return xarray.open_zarr(store, consolidated=False).sortby("step").load()


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_every_number_is_in_the_table_where_it_belongs(ending, store, kept, tmp_path) -> None:
    path = tmp_path / f"x.{ending}"
    found = here("export", store, "-o", path)
    assert found.exit_code == 0
    table = {
        "csv": lambda: pd.read_csv(path, comment="#"),
        "json": lambda: pd.DataFrame(json.loads(path.read_text())["rows"]),
        "parquet": lambda: pd.read_parquet(path),
    }[ending]()
    assert [*table] == ["name", "step", "tokens", "layer", "head", "position", "row", "value"]
    assert found.stdout == f"{path}: {len(table):,} numbers of attn-only-2l.\n"
    tokens = dict(zip(kept["step"].values, kept["tokens"].values, strict=True))
    assert (table["tokens"] == table["step"].map(tokens)).all()
    for name, dims in SHAPES.items():
        rows = table[table["name"] == name]
        assert rows[[*{*table} - {"name", "tokens", "value", *dims}]].isna().all(axis=None)
        values = rows.set_index([*dims])["value"].to_xarray()
        np.testing.assert_allclose(values.values, kept[name].values, rtol=1e-6)
    assert sum(kept[name].size for name in kept.data_vars) == len(table)
    assert [*tmp_path.glob("*.partial")] == []


@pytest.mark.slow
def test_of_some_names_there_are_only_their_rows_and_columns(store, tmp_path) -> None:
    path = tmp_path / "x.csv"
    assert here("export", store, "-o", path, "--only", "induction").exit_code == 0
    first, columns, row, *_ = path.read_text().splitlines()
    assert first.startswith("# attn-only-2l: scores and measures, one number a row; induction-")
    assert columns == "name,step,tokens,layer,head,value"
    assert row.startswith("induction,0,0,0,0,0.")


def test_json_keeps_what_the_numbers_are(store, kept, tmp_path) -> None:
    path = tmp_path / "x.json"
    here("export", store, "-o", path, "--only", "loss")
    said = json.loads(path.read_text())
    assert said["attrs"]["series"] == "attn-only-2l"
    assert said["variables"]["loss"]["units"] == kept["loss"].attrs["units"] == "nat"


@pytest.mark.slow
def test_a_series_that_was_not_swept_is_computed(store, kept, tmp_path) -> None:
    steps = ",".join(map(str, kept["step"].values))
    for name in ("induction", "loss"):
        path = tmp_path / f"{name}.csv"
        asked = ("export", "demo:attn-only-2l", "--steps", steps, "-o", path, "--only", name)
        assert here(*asked).exit_code == 0
        values = pd.read_csv(path, comment="#")["value"].to_numpy()
        np.testing.assert_allclose(values, kept[name].to_numpy().ravel(), rtol=1e-5)


@pytest.mark.parametrize("ending", ["svg", "pdf", "png"])
def test_a_figure_is_drawn_of_one_name(ending, store, tmp_path) -> None:
    path = tmp_path / f"x.{ending}"
    found = here("export", store, "-o", path, "--only", "induction")
    assert found.stdout == f"{path}: induction over training of attn-only-2l.\n"
    begins = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[ending]
    assert path.read_bytes().startswith(begins)
    if ending == "svg":
        drawn = path.read_text()
        assert drawn.count("<!-- L") == 2  # the two best heads, by name
        other = tmp_path / "loss.svg"
        assert here("export", store, "-o", other, "--only", "loss").exit_code == 0
        assert "nats" in other.read_text()


def test_what_is_there_is_replaced_only_by_force(store, tmp_path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("mine")
    found = here("export", store, "-o", path)
    assert found.exit_code == 2
    assert found.stderr == f"Error: {path} is there already. --force replaces it.\n"
    assert path.read_text() == "mine"
    assert here("export", store, "-o", path, "--force").exit_code == 0
    assert path.read_text() != "mine"


def test_gaps_are_empty_and_end_with_1(trained, tmp_path) -> None:
    path = tmp_path / "x.csv"
    found = here("export", trained, "-o", path, "--only", "induction")
    assert found.exit_code == 1
    assert "Checkpoints that could not be read: 1. They are gaps.\n  step 10: " in found.stderr
    table = pd.read_csv(path, comment="#")
    assert table.groupby("step")["value"].count().to_dict() == {0: 8, 10: 0, 20: 8}
    assert len(table) == 24


@pytest.mark.parametrize(
    ("source", "name", "more", "said"),
    [
        ("x.zarr", "x.xlsx", (), "A file x.xlsx would be of no kind that is known. Give one that"),
        ("x.zarr", "none/x.csv", (), "x.csv cannot be written: No such file or directory."),
        ("x.zarr", "x.csv", ("--only", "entropy"), "does not hold 'entropy'. It holds previous_"),
        ("none.zarr", "x.csv", (), "There is no store of a sweep at none.zarr. induction-explorer"),
        ("x.zarr", "x.svg", ("--only", "loss_by_position"), "no curve over training"),
        ("x.zarr", "x.svg", ("--only", "in_context_learning,token_loss"), "A figure shows one"),
    ],
)
def test_what_cannot_be_exported_is_said(
    source, name, more, said, store, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = here("export", source, "-o", name, *more)
    assert (found.exit_code, found.stdout) == (2, "")
    assert said in found.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"x.zarr"}


@pytest.mark.slow
def test_a_process_of_its_own_writes_the_same(store, tmp_path) -> None:
    path = tmp_path / "x.csv"
    found = run("export", store, "-o", path, "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == {"output": str(path), "series": "attn-only-2l"}
    again = tmp_path / "again.csv"
    here("export", store, "-o", again)
    assert path.read_bytes() == again.read_bytes()


def test_a_page_is_one_file_that_shows_the_store(store, tmp_path) -> None:
    path = tmp_path / "x.html"
    found = here("export", store, "-o", path)
    assert found.exit_code == 0, found.output
    assert re.fullmatch(rf"{path}: [\d.]+ kB of attn-only-2l\.\n", found.stdout)
    assert "<title>attn-only-2l - Induction Explorer</title>" in path.read_text()
    refused = here("export", store, "-o", tmp_path / "y.html", "--max-size", "10kB")
    assert refused.exit_code == 2
    assert "max_size=10 kB was given" in refused.stderr
    assert here("export", store, "-o", tmp_path / "y.html", "--only", "loss").exit_code == 2
