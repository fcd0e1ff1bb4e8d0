"""What a name on the command line stands for."""

from __future__ import annotations

import shutil

import pytest
from induction_explorer.command.naming import is_store, names, series_named
from induction_kernels.errors import CheckpointError


def test_a_folder_that_is_there_comes_before_a_repository(trained, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, tmp_path / "owner" / "name")
    assert series_named("owner/name").steps == [0, 10, 20]
    assert series_named("owner/name", steps="20,0").steps == [0, 20]


def test_what_is_bundled_is_named_so() -> None:
    whole = series_named("demo:attn-only-1l")
    assert whole.name == "attn-only-1l"
    few = series_named("demo:attn-only-1l", steps="log3")
    assert (few.steps[0], few.steps[-1], len(few)) == (whole.steps[0], whole.steps[-1], 3)


def test_where_there_is_neither_both_that_were_tried_are_named(hub, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.endpoint)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(CheckpointError) as error:
        series_named("nobody/nothing")
    assert error.value.message.startswith("There is no folder nobody/nothing; as a repository: ")
    assert f"There is no repository nobody/nothing at {hub.endpoint}" in error.value.message
    assert "demo:attn-only-2l" in error.value.hint


def test_a_store_is_known_by_its_ending_by_where_it_is_or_by_what_it_holds(tmp_path) -> None:
    (tmp_path / "kept").mkdir()
    assert not is_store(str(tmp_path / "kept"))
    (tmp_path / "kept" / "zarr.json").write_text("{}")
    assert is_store(str(tmp_path / "kept"))
    assert is_store("s3://bucket/x")
    assert is_store("x.zarr")
    assert not is_store("owner/name")


def test_names_stand_between_commas() -> None:
    assert names("a, b,c") == ["a", "b", "c"]
    assert names(None) is None
