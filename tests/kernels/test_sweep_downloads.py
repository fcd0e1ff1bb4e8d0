"""What a sweep downloads lies on the disk no longer than it is read, and is told beforehand."""

from __future__ import annotations

import multiprocessing
import re
import shutil
import signal
import threading
import time
from pathlib import Path

import huggingface_hub.constants
import induction_kernels.checkpoints.hub.cache as cache_module
import numpy as np
import pytest
import torch
import xarray
from induction_kernels import CheckpointSeries, sweep
from induction_kernels.errors import CheckpointError, SelectionError
from induction_kernels.scores.registry import Scorer
from induction_kernels.sweeps.downloads import in_words
from local_hub import Fault, Repository, sha256
from patience import PATIENCE
from published_models import pythia
from small_models import HUGGING_FACE

REPOSITORY = "EleutherAI/pythia-70m"
STEPS = [0, 64, 512, 1000]
LARGE = re.compile(r"^GET /EleutherAI(%2F|/)pythia-70m/[0-9a-f]{64}")


@pytest.fixture(scope="module")
def branches(tokenizer):
    torch.manual_seed(0)
    return pythia(HUGGING_FACE["gpt_neox"]().eval(), tokenizer, STEPS)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def from_hub(hub, branches, cache):
    hub.repositories[REPOSITORY] = Repository(dict(branches))

    def make(steps="all", **options):
        options = {"endpoint": hub.endpoint, "cache_dir": cache} | options
        return CheckpointSeries.from_hub(REPOSITORY, steps, **options)

    return make


@pytest.fixture
def scored(monkeypatch):
    """What is done when each checkpoint is scored, by how many were before it."""
    done: dict = {}
    original, count = Scorer.__call__, 0

    def noting(self, model):
        nonlocal count
        done.get(count, done.get("each", lambda: None))()
        count += 1
        return original(self, model)

    monkeypatch.setattr(Scorer, "__call__", noting)
    return done


@pytest.fixture
def requested(hub, monkeypatch):
    """What is done when weights are asked for."""
    done: list = []
    original = hub.note

    def noting(handler):
        fault = original(handler)
        if LARGE.search(hub.asked[-1]):
            for one in done:
                one()
        return fault

    monkeypatch.setattr(hub, "note", noting)
    return done


def digest(branches, step: int) -> str:
    return sha256(branches[f"step{step}"]["model.safetensors"])


def weights(cache: Path) -> list[str]:
    """Of checkpoints, whole or not, that lie on the disk."""
    return sorted(
        path.name
        for path in cache.rglob("blobs/*")
        if len(path.name) == 64 or path.name.endswith("incomplete")
    )


def left_behind(cache: Path) -> list[Path]:
    links = [path for path in cache.rglob("*") if path.is_symlink() and not path.exists()]
    return [*links, *cache.rglob("passing/*")]


def until(there) -> bool:
    end = time.monotonic() + PATIENCE
    while not there():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def swept(series, store=None, **options) -> xarray.Dataset:
    return sweep(series, "induction", store=store, **{"progress": False} | options)


@pytest.mark.parametrize("kept", [False, True], ids=["in memory", "in a store"])
def test_one_checkpoint_at_a_time_lies_on_the_disk(
    from_hub, cache, tmp_path, requested, hub, kept
) -> None:
    others: list[list[str]] = []

    def look() -> None:
        begun = hub.asked[-1].rpartition("/")[2]
        others.append([name for name in weights(cache) if not name.startswith(begun)])

    requested.append(look)
    found = swept(from_hub(), tmp_path / "x.zarr" if kept else None)
    assert others == [[], [], [], []]
    assert weights(cache) == []
    assert left_behind(cache) == []
    xarray.testing.assert_equal(found, swept(from_hub(), keep_downloads=True))


def test_the_next_is_downloaded_while_this_one_is_read(from_hub, cache, hub, scored, tmp_path):
    """Each waits until the next lies there whole, and was read and removed."""
    taken = []

    def wait() -> None:
        taken.append(hub.count(LARGE.pattern))
        assert until(lambda: hub.count(LARGE.pattern) >= min(len(taken) + 1, 4))
        assert until(lambda: weights(cache) == [])

    scored["each"] = wait
    swept(from_hub(), tmp_path / "x.zarr")
    assert len(taken) == 4
    assert all(count <= place + 2 for place, count in enumerate(taken))


def test_what_lay_in_the_cache_stays(from_hub, cache, branches, hub, tmp_path) -> None:
    from_hub([64]).load(0)
    swept(from_hub(), tmp_path / "x.zarr")
    assert weights(cache) == [digest(branches, 64)]
    assert left_behind(cache) == []
    asked = hub.count(LARGE.pattern)
    from_hub([64]).load(0)
    assert hub.count(LARGE.pattern) == asked


def test_bytes_that_another_branch_brought_stay(from_hub, cache, branches, hub, tmp_path) -> None:
    """Known under another commit, and not yet under the one that is swept."""
    of_64 = {"model.safetensors": branches["step64"]["model.safetensors"]}
    hub.repositories[REPOSITORY].revisions["step512"] = branches["step512"] | of_64
    from_hub([64]).load(0)
    swept(from_hub([512]), tmp_path / "x.zarr")
    assert weights(cache) == [digest(branches, 64)]


def test_unless_told_otherwise(from_hub, cache, branches, tmp_path) -> None:
    swept(from_hub(), tmp_path / "x.zarr", keep_downloads=True)
    assert weights(cache) == sorted(digest(branches, step) for step in STEPS)


def size(branches) -> int:
    return len(branches["step0"]["model.safetensors"])


def test_before_it_begins_it_says_what_it_will_download(
    from_hub, branches, requested, capsys, tmp_path
) -> None:
    said: list[str] = []
    requested.append(lambda: said.append(capsys.readouterr().err))
    swept(from_hub(), tmp_path / "x.zarr", progress=True)
    one, all_ = in_words(size(branches)), in_words(4 * size(branches))
    line = f"pythia-70m: {all_} to download for 4 checkpoints, at most {one} on the disk at once."
    assert line in said[0]
    requested.clear()

    from_hub([0, 64]).load(1)
    swept(from_hub([0, 64]), keep_downloads=True, progress=True)
    assert "to download for 1 checkpoints, at most" in capsys.readouterr().err
    swept(from_hub([0, 64]), progress=True)
    assert "to download" not in capsys.readouterr().err


def test_of_a_refined_sweep_it_says_what_that_may_need(hub, tokenizer, cache, capsys, tmp_path):
    model = HUGGING_FACE["gpt_neox"]().eval()
    hub.repositories[REPOSITORY] = Repository(pythia(model, tokenizer, range(0, 12_000, 1000)))
    series = CheckpointSeries.from_hub(REPOSITORY, "all", endpoint=hub.endpoint, cache_dir=cache)
    swept(series, tmp_path / "x.zarr", refine=6, progress=True)
    assert "to download for 6 checkpoints" in capsys.readouterr().err
    assert hub.count(LARGE.pattern) == 6


@pytest.mark.parametrize("keep", [False, True])
def test_more_than_the_budget_is_refused_before_it_begins(
    from_hub, hub, branches, tmp_path, keep
) -> None:
    allowed = size(branches) * (3 if keep else 1)
    what = "All" if keep else "step .*"
    hint = "or leave out keep_downloads" if keep else r"larger disk=\."
    with pytest.raises(SelectionError, match=rf"{what} of pythia-70m is .* to download.*{hint}"):
        swept(from_hub(), tmp_path / "x.zarr", disk=allowed - 1, keep_downloads=keep)
    assert not hub.count(LARGE.pattern)
    assert not (tmp_path / "x.zarr").exists()
    if not keep:
        swept(from_hub(), tmp_path / "x.zarr", disk=allowed)


@pytest.mark.unchecked
@pytest.mark.parametrize("disk", ["20GB", -1, 1.5])
def test_a_budget_is_a_number_of_bytes(from_hub, disk) -> None:
    with pytest.raises(SelectionError, match=r"disk=.* whole number of bytes"):
        swept(from_hub(), disk=disk)


def test_without_room_for_one_it_says_so_before_it_begins(
    from_hub, hub, branches, tmp_path, monkeypatch
) -> None:
    free = size(branches) - 1
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(cache_module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(CheckpointError, match=rf"is room for {re.escape(in_words(free))}.*cache_d"):
        swept(from_hub(), tmp_path / "x.zarr")
    assert not hub.count(LARGE.pattern)


def test_a_checkpoint_that_cannot_be_read_is_removed_too(
    from_hub, cache, hub, branches, tmp_path
) -> None:
    damaged = branches["step64"] | {"model.safetensors": b"no such file, but long enough" * 99}
    hub.repositories[REPOSITORY].revisions["step64"] = damaged
    hub.faults.append(Fault(f"GET /.*{digest(branches, 512)}", times=2, altered=True))
    with pytest.warns(UserWarning, match=r"step 64: .*step 512: .*other bytes"):
        found = swept(from_hub(), tmp_path / "x.zarr")
    assert found["induction"].isnull().all(["layer", "head"]).values.tolist() == [
        False, True, True, False,
    ]  # fmt: skip
    assert weights(cache) == []
    assert left_behind(cache) == []


def test_control_c_ends_the_download_in_the_middle(
    from_hub, cache, hub, branches, scored, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1024)
    first, second = threading.Event(), threading.Event()
    hub.faults.append(Fault(f"GET /.*{digest(branches, 512)}", held=[first, second]))

    def interrupt() -> None:
        del scored[1]
        assert until(lambda: len(weights(cache)) == 1)
        signal.raise_signal(signal.SIGINT)

    scored[1] = interrupt
    with pytest.raises(KeyboardInterrupt, match="1 of 4 checkpoints"):
        swept(from_hub(), tmp_path / "x.zarr")
    first.set()
    assert until(lambda: weights(cache) == [] and left_behind(cache) == [])
    second.set()  # the last block is sent only now
    found = swept(from_hub(), tmp_path / "x.zarr")
    assert np.isfinite(found["induction"]).all()
    assert weights(cache) == []


def test_what_somebody_else_is_reading_is_left_to_them(from_hub, cache, branches, tmp_path) -> None:
    source = from_hub()._source
    with source.passing(2):
        source.weights(2)
        swept(from_hub(), tmp_path / "x.zarr")
        assert weights(cache) == [digest(branches, 512)]
        assert source.weights(2)
    assert weights(cache) == []
    assert left_behind(cache) == []


def test_of_several_who_read_the_last_removes_it(from_hub, cache) -> None:
    """Of two checkpoints of the same bytes, too."""
    sources = [from_hub()._source for _ in range(2)]
    with sources[1].passing(3):
        with sources[0].passing(3):
            sources[0].weights(3)
        sources[1].weights(3)
        assert len(weights(cache)) == 1
    assert weights(cache) == []
    assert left_behind(cache) == []


processes = multiprocessing.get_context("forkserver")


def in_another_process(endpoint: str, cache: Path, store: Path) -> None:
    huggingface_hub.constants.HF_HUB_OFFLINE = False
    huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE = 1024
    swept(CheckpointSeries.from_hub(REPOSITORY, "all", endpoint=endpoint, cache_dir=cache), store)


@pytest.mark.slow
def test_what_a_killed_sweep_left_is_removed_by_the_next(
    from_hub, cache, hub, branches, tmp_path
) -> None:
    """Once killed while it downloads, once with a whole file that was not read."""
    store, held = tmp_path / "x.zarr", threading.Event()
    hub.repositories[REPOSITORY] = Repository(dict(branches))
    hub.faults.append(Fault(f"GET /.*{digest(branches, 512)}", held=[held]))
    process = processes.Process(target=in_another_process, args=(hub.endpoint, cache, store))
    process.start()
    assert until(lambda: any(name.startswith(digest(branches, 512)) for name in weights(cache)))
    process.kill()
    process.join()
    held.set()
    assert [name.endswith("incomplete") for name in weights(cache)] == [True]
    (mark,) = cache.rglob("passing/*")
    from_hub([1000]).load(0)
    mark.with_name(digest(branches, 1000)).touch()
    swept(from_hub(), store)
    assert weights(cache) == []
    assert left_behind(cache) == []
