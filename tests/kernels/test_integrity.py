"""Checkpoints that are not what their names say, as they were published: seen, and only they."""

from __future__ import annotations

import gc

import huggingface_hub.constants
import pytest
import torch
from induction_kernels import CheckpointSeries, sweep
from induction_kernels.checkpoints import series_of
from induction_kernels.checkpoints.check import _FOUND
from induction_kernels.demo import load_demo
from induction_kernels.sweeps.stored import Stored
from local_hub import Repository
from published_models import (
    PYTHIA,
    files_of,
    late,
    moved,
    pythia,
    pythia_weights,
    safetensors,
    sharded,
)
from small_models import HUGGING_FACE, bridge

REPOSITORY = "EleutherAI/pythia-2.8b"

# EleutherAI/pythia#205: what 86 of the 154 branches of pythia-2.8b serve.
AS_MAIN = {
    *PYTHIA[:11], *range(1000, 54_000, 1000), 55_000, 60_000, 65_000, 70_000, 80_000, 90_000,
    100_000, 103_000, 110_000, 120_000, 130_000, 140_000,
}  # fmt: skip
AS_THE_LAST = {54_000, 56_000, 57_000, 58_000, 59_000, 61_000, 62_000, 63_000, 64_000}


@pytest.fixture(scope="module")
def sound(model):
    return pythia(model, None)


@pytest.fixture
def checked(open_):
    def check(repository, steps="all", weights=False):
        series = open_(repository, steps)
        return series.check(weights=weights, progress=False).set_index("step")

    return check


@pytest.fixture
def open_(hub, tmp_path):
    def make(repository, steps="all"):
        return CheckpointSeries.from_hub(
            repository, steps, endpoint=hub.endpoint, cache_dir=tmp_path
        )

    return make


def of(table, status) -> set[int]:
    return set(table.index[table["status"] == status])


@pytest.mark.slow
def test_a_sound_suite_raises_no_alarm(hub, checked, sound) -> None:
    """step0 = step1 in all of Pythia, as it should."""
    hub.repositories[REPOSITORY] = Repository(sound)
    table = checked(REPOSITORY)
    assert list(table.index) == PYTHIA
    assert of(table, "fault") == set()
    assert of(table, "note") == {0, 1}
    assert table["reason"][0] == (
        "is step 1, byte for byte, as it should: the learning rate begins at 0"
    )
    assert not hub.count("/resolve/")


@pytest.mark.slow
def test_what_happened_to_pythia_2_8b(hub, checked, sound, model) -> None:
    """Two blobs with one model: that of main on 76 branches, that of step143000 on 10."""
    hub.repositories[REPOSITORY] = Repository(late(sound, model, AS_MAIN, AS_THE_LAST))
    table = checked(REPOSITORY)
    assert len(AS_MAIN) == 76
    assert of(table, "fault") == AS_MAIN | AS_THE_LAST
    assert of(table, "note") == {143_000}
    assert set(table["reason"][sorted(AS_MAIN)]) == {"holds the final model (main), byte for byte"}
    assert set(table["reason"][sorted(AS_THE_LAST)]) == {
        "holds step 143,000, the last, byte for byte"
    }
    assert table["reason"][143_000] == (
        "is not the final model (main), which step 0 and 75 others hold instead"
    )
    assert not hub.count("/resolve/")
    few = checked(REPOSITORY, steps=[0, 512, 66_000])
    assert of(few, "fault") == {0, 512}


def test_what_happened_to_pythia_12b(hub, checked, model) -> None:
    """Shards, the first of which is the final model's at two steps (EleutherAI/pythia#206)."""
    steps = [0, 49_000, 50_000, 51_000, 58_000, 143_000]
    beside = files_of(model)
    branches = {
        f"step{step}": beside | sharded(pythia_weights(model, step), 3, "bin") for step in steps
    }
    first = "pytorch_model-00001-of-00003.bin"
    for step in (50_000, 58_000):
        branches[f"step{step}"][first] = branches["step143000"][first]
    branches["main"] = branches["step143000"]
    hub.repositories["EleutherAI/pythia-12b"] = Repository(branches)
    table = checked("EleutherAI/pythia-12b")
    assert of(table, "fault") == {50_000, 58_000}
    assert table["reason"][50_000] == f"holds the final model in 1 of 3 files ({first})"
    assert not hub.count("/resolve/")


def test_branches_without_weights(hub, checked, sound, model) -> None:
    """EleutherAI/pythia#202; and an upload that ended at the second shard."""
    branches = {f"step{step}": sound[f"step{step}"] for step in (0, 512, 40_000, 143_000)}
    branches["step40000"] = files_of(model)
    shards = files_of(model) | sharded(pythia_weights(model, 512), 3)
    del shards["model-00002-of-00003.safetensors"]
    branches["step512"] = shards
    hub.repositories["EleutherAI/pythia-410m-seed9"] = Repository(branches)
    table = checked("EleutherAI/pythia-410m-seed9")
    assert of(table, "fault") == {512, 40_000}
    assert "has no weights" in table["reason"][40_000]
    assert "has no shard 2 of 3" in table["reason"][512]


def test_branches_that_are_one(hub, checked) -> None:
    """allenai/OLMo#915: nobody can say which of the three is right."""
    model = HUGGING_FACE["llama"]()
    names = ["1000-tokens5B", "101000-tokens424B", "175000-tokens735B", "300000-tokens1259B"]
    branches = {
        f"stage1-step{name}": files_of(model) | sharded(moved(model.state_dict(), i), 2)
        for i, name in enumerate(names)
    }
    for name in names[2:]:
        branches[f"stage1-step{name}"] = branches["stage1-step101000-tokens424B"]
    branches["stage1-step400000-tokens1678B"] = files_of(model) | sharded(model.state_dict(), 2)
    hub.repositories["allenai/OLMo-2-1124-7B"] = Repository(branches)
    table = checked("allenai/OLMo-2-1124-7B")
    assert of(table, "fault") == {101_000, 175_000, 300_000}
    assert table["reason"][175_000] == (
        "is step 101,000, step 300,000, byte for byte: at most one is what its name says"
    )


def test_labels_out_of_order(hub, checked) -> None:
    model = HUGGING_FACE["llama"]()
    names = ["1000-tokens4B", "2000-tokens8B", "3000-tokens40B", "4000-tokens17B"]
    weights = [safetensors(moved(model.state_dict(), i)) for i in range(4)]
    hub.repositories["allenai/OLMo-1B-hf"] = Repository({
        f"step{name}": files_of(model) | {"model.safetensors": one}
        for name, one in zip(names, weights, strict=True)
    })  # fmt: skip
    table = checked("allenai/OLMo-1B-hf")
    assert of(table, "fault") == {3000, 4000}
    assert table["reason"][3000] == "says 40B tokens, and its step makes 12.6B"
    assert table["reason"][4000] == "says 17B tokens, and the one before it 40B"


# --- what is kept of a check ---


@pytest.fixture
def planted(hub, open_, model):
    """A series of six steps, two of which hold the final model."""
    steps = [0, 1, 512, 1000, 66_000, 143_000]
    branches = late(pythia(model, None, steps), model, {512, 1000}, set())
    hub.repositories[REPOSITORY] = Repository(branches)
    return open_(REPOSITORY)


def said(series) -> list[tuple[int, str]]:
    return [(one.checkpoint, one.status) for one in series.findings]


def test_what_a_check_found_is_kept_for_whatever_shows_the_series(planted) -> None:
    assert planted.findings == []
    assert not planted.is_checked
    table = planted.check(progress=False)
    assert planted.is_checked
    assert said(planted) == [(0, "note"), (1, "note"), (2, "fault"), (3, "fault"), (5, "note")]
    assert [one.reason for one in planted.findings] == [why for why in table["reason"] if why]
    for alike in (planted.replica(), planted.to(dtype=torch.bfloat16)):
        assert alike.findings == planted.findings
    assert said(planted.select([2, 4, 5])) == [(0, "fault"), (2, "note")]
    of_a_model, _ = series_of(planted.load(4))
    assert of_a_model.findings == planted.findings


def test_it_ends_with_the_series(planted) -> None:
    planted.check(progress=False)
    key = id(planted._source)
    assert key in _FOUND
    del planted._source, planted._resident.residence.source
    gc.collect()
    assert key not in _FOUND


def test_what_nobody_can_be_asked_is_not_known_to_be_wrong(planted, monkeypatch) -> None:
    """Which here is step 66,000: of the others the list was asked for, or another with the same."""
    planted.load(2)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    table = planted.check(progress=False)
    assert list(table["status"]) == ["note", "note", "fault", "fault", "unknown", "note"]
    assert "is not in" in table["reason"][4]
    assert not planted.is_checked
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    assert planted.check(progress=False)["status"][4] == "ok"
    assert planted.is_checked


@pytest.mark.parametrize("kept", [True, False], ids=["store", "memory"])
def test_a_sweep_says_it_before_it_downloads_and_keeps_it(planted, hub, tmp_path, kept) -> None:
    place = {"store": tmp_path / "x.zarr"} if kept else {}
    with pytest.warns(
        UserWarning, match=r"2 of 6 checkpoints hold is not what .*step 512: holds the final"
    ):
        found = sweep(planted, "induction", progress=False, **place)
    lists, weights = (
        [i for i, one in enumerate(hub.asked) if part in one]
        for part in ("/tree/", "model.safetensors")
    )
    assert max(lists) < min(weights)
    assert found.attrs["findings"][2:4] == [
        "step 512: holds the final model (main), byte for byte",
        "step 1,000: holds the final model (main), byte for byte",
    ]
    assert len(found.attrs["findings"]) == 5
    assert found.attrs["faults"] == []


def test_a_store_keeps_what_was_found_of_each_part_of_it(planted, tmp_path) -> None:
    """Also of what another process swept, that looked at other checkpoints."""
    place = tmp_path / "x.zarr"
    with pytest.warns(UserWarning, match="1 of 2 checkpoints"):
        sweep(planted.select([2, 4]), "induction", store=place, progress=False)
    assert len(Stored(place).findings) == 1
    found = sweep(planted.select([0, 1]), "induction", store=place, progress=False)
    assert [one.split(":")[0] for one in found.attrs["findings"]] == ["step 0", "step 1"]
    assert [one[:2] for one in Stored(place).findings] == [
        ("step 512", "fault"), ("step 0", "note"), ("step 1", "note"),
    ]  # fmt: skip


# --- by the weights themselves ---


@pytest.mark.parametrize("name", ["attn-only-1l", "attn-only-2l", "attn-only-3l"])
def test_no_alarm_on_a_real_training_run(name) -> None:
    """At every spacing: all checkpoints, every third, and spread by the logarithm."""
    series = load_demo(name)
    count = len(series)
    for indices in (range(count), range(0, count, 3), [0, 1, 2, 4, 8, 16, 32, count - 1]):
        table = series.select([i for i in indices if i < count]).check(weights=True, progress=False)
        assert of(table.set_index("step"), "fault") == set()


@pytest.mark.parametrize("at", [0, 1, 3, 6, 9])
def test_late_weights_at_an_early_step(at) -> None:
    """Written anew, so that no hash tells."""
    series = load_demo("attn-only-2l")
    kept = [dict(series._source.weights(i)) for i in range(0, len(series), 2)]
    steps = series.steps[::2]
    kept[at] = {name: value + 1e-4 for name, value in kept[-2].items()}
    planted = CheckpointSeries.from_state_dicts(series.load(0), kept, steps=steps)
    faults = of(planted.check(weights=True, progress=False).set_index("step"), "fault")
    assert faults == {steps[at]}


@pytest.mark.parametrize("at", [2, 12, 20])
def test_weights_of_another_run_at_one_step(at) -> None:
    series = load_demo("attn-only-2l")
    kept = [dict(series._source.weights(i)) for i in range(len(series))]
    kept[at] = {name: value.roll(1, -1) for name, value in kept[at].items()}
    planted = CheckpointSeries.from_state_dicts(series.load(0), kept, steps=series.steps)
    faults = of(planted.check(weights=True, progress=False).set_index("step"), "fault")
    assert faults == {series.steps[at]}


def test_a_run_whose_first_half_is_another() -> None:
    series = load_demo("attn-only-2l")
    kept = [dict(series._source.weights(i)) for i in range(len(series))]
    turn = len(kept) // 2
    for index in range(turn):
        kept[index] = {name: value.roll(1, -1) for name, value in kept[index].items()}
    planted = CheckpointSeries.from_state_dicts(series.load(0), kept, steps=series.steps)
    faults = of(planted.check(weights=True, progress=False).set_index("step"), "fault")
    assert faults == {series.steps[turn]}


def test_weights_that_are_damaged_are_a_fault_and_stop_nothing() -> None:
    model = bridge()
    kept = [moved(model.state_dict(), step) for step in range(5)]
    kept[2]["embed.weight"] = torch.full_like(kept[2]["embed.weight"], torch.nan)
    table = CheckpointSeries.from_state_dicts(model, kept).check(weights=True, progress=False)
    assert of(table.set_index("step"), "fault") == {2}
    assert "holds NaN" in table["reason"][2]


def test_a_stretch_that_stands_still() -> None:
    model = bridge()
    kept = [moved(model.state_dict(), step) for step in (0, 1, 2, 3, 3, 3, 4)]
    table = CheckpointSeries.from_state_dicts(model, kept).check(weights=True, progress=False)
    assert of(table.set_index("step"), "fault") == {4, 5}
    assert table["reason"][5] == "holds the same numbers as step 4"


def test_loading_all_of_a_sound_suite_raises_no_alarm(hub, checked, sound) -> None:
    hub.repositories[REPOSITORY] = Repository(sound)
    table = checked(REPOSITORY, steps=PYTHIA[:20], weights=True)
    assert of(table, "fault") == set()
    assert of(table, "note") == {0, 1}
