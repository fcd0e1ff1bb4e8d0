"""The hub of the tests speaks to the real client as a real one does."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import local_hub
import pytest
from huggingface_hub import HfApi, RepoFile, RepoFolder, scan_cache_dir
from induction_kernels import CheckpointSeries
from local_hub import Repository, blob, sha256
from published_models import files_of, safetensors
from small_models import HUGGING_FACE

NAME = "somebody/model"
FILES = {
    "config.json": b"{}",
    "model.safetensors": b"weights",
    "sub/a.txt": b"a",
    "sub/b.txt": b"b",
}


@pytest.fixture
def api(hub) -> HfApi:
    hub.repositories[NAME] = Repository({"main": FILES, "step1": {"config.json": b"[]"}})
    return HfApi(endpoint=hub.endpoint)


def test_refs_and_revisions(api, hub) -> None:
    refs = {ref.name: ref.target_commit for ref in api.list_repo_refs(NAME).branches}
    assert set(refs) == {"main", "step1"}
    assert api.repo_info(NAME).sha == refs["main"]
    assert api.repo_info(NAME, revision="step1").sha == refs["step1"]
    assert api.list_repo_files(NAME) == list(FILES)


@pytest.mark.parametrize("page", [1000, 2])
def test_trees_and_paths(api, monkeypatch, page) -> None:
    monkeypatch.setattr(local_hub, "PAGE", page)
    found = list(api.list_repo_tree(NAME, recursive=True))
    files = {one.path: one for one in found if isinstance(one, RepoFile)}
    assert set(files) == set(FILES)
    assert [one.path for one in found if isinstance(one, RepoFolder)] == ["sub"]
    assert files["model.safetensors"].lfs.sha256 == sha256(b"weights")
    assert files["config.json"].blob_id == blob(b"{}")
    assert {one.path for one in api.list_repo_tree(NAME)} == {
        "config.json", "model.safetensors", "sub",
    }  # fmt: skip
    (one,) = api.get_paths_info(NAME, ["model.safetensors", "nothing"])
    assert (one.size, one.lfs.sha256) == (7, sha256(b"weights"))


def test_snapshots(api, tmp_path) -> None:
    folder = api.snapshot_download(NAME, cache_dir=tmp_path)
    assert {name: Path(folder, name).read_bytes() for name in FILES} == FILES


def test_a_cache_that_others_filled_serves_a_series_offline(hub, tmp_path, monkeypatch) -> None:
    """By snapshot_download, of which no list was kept; and ours is no stranger to its tools."""
    model = HUGGING_FACE["llama"]()
    files = files_of(model) | {"model.safetensors": safetensors(model.state_dict())}
    hub.repositories[NAME] = Repository({"step10": files, "step20": files})
    for step in (10, 20):
        HfApi(endpoint=hub.endpoint).snapshot_download(
            NAME, revision=f"step{step}", cache_dir=tmp_path
        )
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    asked = len(hub.asked)
    series = CheckpointSeries.from_hub(NAME, "all", endpoint=hub.endpoint, cache_dir=tmp_path)
    assert series.steps == [10, 20]
    series.load(1)
    assert len(hub.asked) == asked
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    CheckpointSeries.from_hub(NAME, "all", endpoint=hub.endpoint, cache_dir=tmp_path).load(0)
    assert not scan_cache_dir(tmp_path).warnings
