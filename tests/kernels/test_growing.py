"""A folder that a run is filling: what is written to its end is taken in, and the rest stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from induction_kernels import CheckpointSeries, Recorder
from induction_kernels.checkpoints.whole import is_whole
from induction_kernels.errors import CheckpointError
from safetensors.torch import save_file
from small_models import HUGGING_FACE, bridge, variants


def half(path: Path, whole: Path) -> None:
    content = whole.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.fixture
def model():
    return bridge()


@pytest.fixture
def run(tmp_path, model) -> Path:
    """Steps 10 and 20 of it."""
    folder = tmp_path / "run"
    recorder = Recorder(folder, model)
    for step, weights in zip((10, 20), variants(model, 2), strict=True):
        model.load_state_dict(weights)
        recorder.save(step)
    return folder


def test_what_was_written_since_is_taken_in_and_the_rest_stays(run, model) -> None:
    series = CheckpointSeries.from_folder(run, model, tokens_per_step=100)
    loaded = series.load(0)
    before = {name: value.clone() for name, value in loaded.state_dict().items()}
    assert series.refresh() == 0
    Recorder(run, model).save(30)
    assert len(series) == 2
    assert series.has_more()
    assert series.refresh() == 1
    assert (series.steps, series.tokens) == ([10, 20, 30], [1000, 2000, 3000])
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in before.items())
    found = series.load(-1).state_dict()
    assert all(torch.equal(found[name], value) for name, value in model.state_dict().items())


def test_one_that_comes_between_stands_between(run, model) -> None:
    """And what was read ahead, by its old number, is not taken for another."""
    series = CheckpointSeries.from_folder(run, model)
    last = {name: value.clone() for name, value in series.load(1).state_dict().items()}
    series.load(0, then=1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    Recorder(run, model).save(15)
    assert series.refresh() == 1
    assert series.steps == [10, 15, 20]
    between = series.load(1).state_dict()
    assert all(torch.equal(between[name], value) for name, value in model.state_dict().items())
    found = series.load(2).state_dict()
    assert all(torch.equal(found[name], value) for name, value in last.items())


def test_a_replica_and_a_selection(run, model) -> None:
    """One grows by itself, the other is what was chosen."""
    series = CheckpointSeries.from_folder(run, model)
    replica, chosen = series.replica(), series.select([0, 1])
    identity = series.identity
    Recorder(run, model).save(30)
    assert replica.refresh() == 1
    assert len(series) == 2
    assert (chosen.grows, chosen.has_more(), chosen.refresh()) == (False, False, 0)
    assert series.refresh() == 1
    assert series.identity == replica.identity == identity


def test_one_whose_file_is_gone_stays_as_a_gap(run, model) -> None:
    series = CheckpointSeries.from_folder(run, model)
    (run / "weights_10.safetensors").unlink()
    Recorder(run, model).save(30)
    assert series.refresh() == 1
    assert series.steps == [10, 20, 30]
    with pytest.raises(CheckpointError, match=r"weights_10\.safetensors does not exist"):
        series.load(0)


def test_a_folder_that_is_gone_says_so(run, model) -> None:
    series = CheckpointSeries.from_folder(run, model)
    shutil.rmtree(run)
    with pytest.raises(CheckpointError, match="cannot be read"):
        series.refresh()
    assert series.steps == [10, 20]


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_a_file_that_is_being_written_is_not_taken_in(tmp_path, model, suffix) -> None:
    def write(step: int, folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        path = folder / f"weights_{step}.{suffix}"
        weights = model.state_dict()
        if suffix == "pt":
            torch.save(weights, path)
        else:
            save_file({name: value.contiguous().clone() for name, value in weights.items()}, path)
        return path

    write(10, tmp_path / "run")
    series = CheckpointSeries.from_folder(tmp_path / "run", model)
    whole = write(20, tmp_path / "elsewhere").read_bytes()
    path = tmp_path / "run" / f"weights_20.{suffix}"
    for size in (0, 1, 5, 8, 9, 200, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert not is_whole(path), size
        assert series.refresh() == 0
    path.write_bytes(whole)
    assert series.refresh() == 1
    series.load(-1)


def test_a_folder_of_a_trainer_counts_once_its_state_is_there(tmp_path) -> None:
    """It is what a Trainer writes last; and it counts the tokens."""
    model = HUGGING_FACE["llama"]().eval()

    def save(step: int) -> Path:
        folder = tmp_path / "run" / f"checkpoint-{step}"
        model.save_pretrained(folder)
        return folder

    def end(folder: Path, tokens: int) -> None:
        state = json.dumps({"num_input_tokens_seen": tokens})
        (folder / "trainer_state.json").write_text(state[:5])
        assert series is None or series.refresh() == 0
        (folder / "trainer_state.json").write_text(state)

    series = None
    end(save(10), 5000)
    series = CheckpointSeries.from_folder(tmp_path / "run")
    later = save(20)
    assert series.refresh() == 0
    end(later, 10_000)
    assert series.refresh() == 1
    assert (series.steps, series.tokens) == ([10, 20], [5000, 10_000])
    half(later / "half", later / "model.safetensors")
    shutil.rmtree(tmp_path / "run" / "checkpoint-10")  # as save_total_limit has it
    cut = save(30)
    half(cut / "model.safetensors", later / "model.safetensors")
    (cut / "trainer_state.json").write_text("{}")
    assert series.refresh() == 0
    shutil.rmtree(cut)
    end(save(30), 15_000)
    assert series.refresh() == 1
    assert series.tokens == [5000, 10_000, 15_000]
