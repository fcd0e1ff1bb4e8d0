"""Checkpoints that may not be what their names say are known to the page, with the reason."""

from __future__ import annotations

import re
import time

import huggingface_hub.constants
import pytest
import torch
from declared import fields
from induction_explorer import CheckpointSeries, InductionExplorer, load_demo, sweep
from induction_explorer.channel.worker import SHARED, Urgency
from induction_explorer.series import following
from local_hub import Repository
from patience import PATIENCE
from published_models import late, pythia
from small_models import HUGGING_FACE, bridge, variants

REPOSITORY = "EleutherAI/pythia-2.8b"
STEPS = [0, 1, 512, 1000, 66_000, 143_000]
FOUND = [
    (False, "is step 1, byte for byte, as it should: the learning rate begins at 0", [0]),
    (False, "is step 0, byte for byte, as it should: the learning rate begins at 0", [1]),
    (True, "holds the final model (main), byte for byte", [2, 3]),
    (False, "is not the final model (main), which step 512, step 1,000 hold instead", [5]),
]


@pytest.fixture
def published(hub, tokenizer, tmp_path) -> CheckpointSeries:
    torch.manual_seed(0)
    model = HUGGING_FACE["gpt_neox"]().eval()
    branches = late(pythia(model, tokenizer, STEPS), model, {512, 1000}, set())
    hub.repositories[REPOSITORY] = Repository(branches)
    return CheckpointSeries.from_hub(
        REPOSITORY, "all", endpoint=hub.endpoint, cache_dir=tmp_path / "cache"
    )


def shown(explorer, number=0) -> list[tuple[bool, str, list[int]]]:
    return [
        (one["doubtful"], one["reason"], one["checkpoints"])
        for one in explorer._series[number]["findings"]
    ]


@pytest.mark.slow
def test_of_a_hub_it_is_seen_without_being_asked_and_before_the_weights(published, hub) -> None:
    marked: list[int] = []
    with SHARED:  # nothing comes before someone looks
        explorer = InductionExplorer(published)
        explorer.observe(lambda _: marked.append(explorer._work.count(Urgency.SWEEP)), "_series")
    explorer.wait()
    assert marked[0] == len(STEPS), "some were scored before they were marked"
    assert shown(explorer) == FOUND
    assert set(explorer._series[0]["findings"][0]) == fields("Finding")
    assert explorer._series[0]["faults"] == {}
    lists = [i for i, one in enumerate(hub.asked) if "/tree/" in one]
    weights = [i for i, one in enumerate(hub.asked) if re.match("HEAD .*model.safetensors", one)]
    assert max(lists) < weights[1]  # the first is the model's that is shown
    assert published.is_checked
    explorer.close()


def test_where_nobody_can_be_asked_no_alarm_is_raised(published, monkeypatch) -> None:
    """Offline, with two checkpoints in the cache."""
    for index in (4, 5):
        published.load(index)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    explorer = InductionExplorer(published.select([3, 4, 5]))
    explorer.wait()
    assert shown(explorer) == []
    assert list(explorer._series[0]["faults"]) == ["0"]
    explorer.close()


@pytest.fixture
def twins() -> CheckpointSeries:
    """In memory; the second and the third of its four checkpoints are one."""
    model = bridge()
    weights = list(variants(model))
    weights[2] = {name: value.clone() for name, value in weights[1].items()}
    return CheckpointSeries.from_state_dicts(model, weights, steps=[0, 10, 100, 1000])


def test_what_check_found_is_shown_of_the_series_that_it_is_of(twins) -> None:
    """Of files and of weights in memory only what was asked for."""
    before = InductionExplorer(twins)
    assert shown(before) == []
    before.close()
    twins.check(weights=True, progress=False)
    explorer = InductionExplorer([load_demo("attn-only-1l").select([0, 5, 25]), twins])
    assert shown(explorer, 0) == []
    assert shown(explorer, 1) == [(True, "holds the same numbers as step 10", [2])]
    explorer.close()
    twins.check(progress=False)  # which does not look at the weights, and has the last word
    explorer = InductionExplorer(twins)
    assert shown(explorer) == []
    twins.select([1, 2, 3]).check(weights=True, progress=False)
    assert shown(explorer) == [(True, "holds the same numbers as step 10", [2])]
    explorer.close()
    of_a_few = InductionExplorer(twins.select([2, 3]))
    assert shown(of_a_few) == [(True, "holds the same numbers as step 10", [0])]
    of_a_few.close()


def test_a_store_has_it_and_what_grows_is_followed(published, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(following, "LOOK_EVERY", 0.05)
    place = tmp_path / "x.zarr"
    with pytest.warns(UserWarning, match="1 of 2 checkpoints"):
        sweep(published.select([2, 4]), "induction", store=place, progress=False)
    explorer = InductionExplorer.from_store(place)
    assert shown(explorer) == [(True, "holds the final model (main), byte for byte", [0])]
    with pytest.warns(UserWarning, match="2 of 6 checkpoints"):
        sweep(published, "induction", store=place, progress=False)
    end = time.monotonic() + PATIENCE
    while sorted(shown(explorer), key=lambda one: one[2]) != FOUND:
        assert time.monotonic() < end, shown(explorer)
        time.sleep(0.02)
    explorer.close()


def test_a_check_that_comes_after_the_sweep_is_added(twins, tmp_path, monkeypatch) -> None:
    """To what is shown as well, when the sweep is asked for once more."""
    monkeypatch.setattr(following, "LOOK_EVERY", 0.05)
    place = tmp_path / "x.zarr"
    sweep(twins, "induction", store=place, progress=False)
    explorer = InductionExplorer.from_store(place)
    assert shown(explorer) == []
    twins.check(weights=True, progress=False)
    with pytest.warns(UserWarning, match="1 of 4 checkpoints"):
        sweep(twins, "induction", store=place, progress=False)
    end = time.monotonic() + PATIENCE
    while shown(explorer) != [(True, "holds the same numbers as step 10", [2])]:
        assert time.monotonic() < end, shown(explorer)
        time.sleep(0.02)
    explorer.close()
