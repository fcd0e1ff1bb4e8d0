"""Series of published checkpoints, end to end over HTTP through the real client."""

from __future__ import annotations

import threading

import huggingface_hub.constants
import pytest
import torch
from induction_kernels import CheckpointSeries, as_model, head_scores, sweep
from induction_kernels.errors import CheckpointError, SelectionError
from local_hub import Repository
from published_models import PYTHIA, pythia, pythia_weights, safetensors
from small_models import HUGGING_FACE

REPOSITORY = "EleutherAI/pythia-70m"


@pytest.fixture(scope="module")
def branches(model, tokenizer):
    return pythia(model, tokenizer)


@pytest.fixture
def from_hub(hub, branches, tmp_path):
    """`CheckpointSeries.from_hub` of a local hub that has Pythia, with an empty cache."""
    hub.repositories[REPOSITORY] = Repository(dict(branches))

    def make(repository=REPOSITORY, steps="log16", **options):
        options = {"endpoint": hub.endpoint, "cache_dir": tmp_path / "cache"} | options
        return CheckpointSeries.from_hub(repository, steps, **options)

    return make


@pytest.mark.unchecked  # which reads every attribute of what it checks, and so the tokenizer
def test_a_series_asks_for_one_list_and_loads_nothing(from_hub, hub) -> None:
    series = from_hub(steps="all")
    assert series.steps == PYTHIA
    assert series.tokens == [step * 2_097_152 for step in PYTHIA]
    assert series.name == "pythia-70m"
    assert hub.asked == [f"GET /api/models/{REPOSITORY}/refs"]


def state_of(model, step: int) -> dict[str, torch.Tensor]:
    """What was published, under the module's own names."""
    weights = pythia_weights(model, step)
    weights["lm_head.weight"] = weights.pop("embed_out.weight")
    return {name: weights[name].float() for name in model.state_dict()}


def test_what_is_loaded_is_what_was_published(from_hub, model) -> None:
    """In float16, under an old name of the head, with buffers that no module has any more."""
    series = from_hub(steps=[0, 512, 143_000])
    assert series.steps == [0, 512, 143_000]
    for index, step in enumerate(series.steps):
        loaded = series.load(index)
        assert type(loaded).__name__ == "GPTNeoXForCausalLM"
        for name, value in state_of(model, step).items():
            assert torch.equal(loaded.state_dict()[name], value), name


def test_reading_changes_nothing_for_other_threads(from_hub, monkeypatch) -> None:
    """Transformers makes what it loads in the dtype of every new tensor; a checkpoint is read while
    another is computed, or while the reader's own cell runs."""
    series = from_hub(steps=[0, 512])
    series.load(0)
    made, change = [], torch.set_default_dtype

    def noted(dtype) -> None:
        made.append(dtype)
        change(dtype)

    monkeypatch.setattr(torch, "set_default_dtype", noted)
    series.load(1)
    assert made, "Transformers no longer does so: let it load in the file's own dtype"
    assert set(made) == {torch.get_default_dtype()}


def test_scores_and_tokens_are_those_of_the_model_itself(from_hub, model, tokenizer) -> None:
    series = from_hub(steps=[1000])
    text = "the cat sat on the mat"
    assert series.model(0).tokenizer(text) == tokenizer(text)
    alone = HUGGING_FACE["gpt_neox"]().eval()
    alone.load_state_dict(state_of(model, 1000))
    ours, theirs = (
        head_scores(one, "induction") for one in (series.load(0), as_model(alone, tokenizer))
    )
    assert (ours["induction"] == theirs["induction"]).all()


def test_each_file_is_downloaded_once_and_from_where_the_hub_keeps_it(from_hub, hub) -> None:
    series = from_hub(steps=[0, 8])
    for _ in range(2):
        series.load(0)
        series.load(1)
    assert (
        hub.count(r"^GET /EleutherAI%2Fpythia-70m/|^GET /EleutherAI/pythia-70m/[0-9a-f]{64}") == 2
    )
    assert hub.count(r"GET .*/resolve/.*/config.json") == 1  # they are one file
    assert hub.count(r"/tree/") == 2


def test_bytes_that_another_commit_brought_are_not_asked_for(from_hub, hub, branches) -> None:
    """Step 1 is step 0, for the learning rate begins at 0."""
    other = branches["step1"] | {"README.md": b"So that it is a commit of its own."}
    hub.repositories[REPOSITORY] = Repository(branches | {"step1": other})
    series = from_hub(steps=[0, 1])
    series.load(0)
    large = hub.count(r"^(GET|HEAD) .*/model.safetensors")
    assert large > 0
    loaded = {name: value.clone() for name, value in series.load(1).state_dict().items()}
    assert hub.count(r"^(GET|HEAD) .*/model.safetensors") == large
    for name, value in series.load(0).state_dict().items():
        assert torch.equal(loaded[name], value), name


def test_log16_is_spread_over_the_whole_run(from_hub) -> None:
    steps = from_hub().steps
    assert len(steps) == 16
    assert steps[0] == 0
    assert steps[-1] == 143_000
    assert {1, 8, 64, 512} <= set(steps)
    assert sum(step > 512 for step in steps) >= 4


@pytest.mark.parametrize("count", [1, 2, 3, 40, 153, 154, 200])
def test_as_many_as_were_asked_for(from_hub, count) -> None:
    steps = from_hub(steps=f"log{count}").steps
    assert len(steps) == min(count, 154)
    assert steps == sorted(set(steps))
    assert steps[-1] == 143_000


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([3], r"no step 3\. Near it: 1, 2, 4, 8 \(154 from 0 to 143000\)"),
        ([0, -1], "no step -1"),
        pytest.param([1.5], "no step 1.5", marks=pytest.mark.unchecked),
        ([], "No steps were given"),
        ("log0", "steps='log0' was given"),
        ("some", 'Give "all", "log16" or steps'),
    ],
)
def test_steps_that_are_not_there(from_hub, steps, said) -> None:
    with pytest.raises(SelectionError, match=said):
        from_hub(steps=steps)


def test_offline_with_a_warm_cache_asks_nothing(from_hub, hub, monkeypatch) -> None:
    online = from_hub(steps=[0, 512])
    expected = [head_scores(online.load(i), "induction")["induction"].values for i in range(2)]
    asked = len(hub.asked)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    series = from_hub(steps=[0, 512])
    for index in range(2):
        found = head_scores(series.load(index), "induction")["induction"].values
        assert (found == expected[index]).all()
    assert from_hub(steps="all").steps == PYTHIA
    assert len(hub.asked) == asked


@pytest.mark.unchecked
def test_offline_a_checkpoint_that_was_never_loaded(from_hub, hub, monkeypatch) -> None:
    from_hub(steps=[0]).load(0)
    asked = len(hub.asked)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match=r"is not in .*cache.*Go online"):
        from_hub(steps=[2]).load(0)
    assert len(hub.asked) == asked


def test_offline_with_a_cold_cache(from_hub, hub, monkeypatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match=r"cache holds nothing of EleutherAI/pythia-70m.*Go"):
        from_hub()
    assert not hub.asked


def test_a_hub_that_cannot_be_reached(from_hub, hub) -> None:
    """A warm cache is used, and a warning says so."""
    from_hub(steps=[0]).load(0)
    hub.close()
    with pytest.warns(UserWarning, match=r"cannot be reached .* is used"):
        series = from_hub(steps=[0])
    series.load(0)


def blobs(folder) -> int:
    return sum(path.stat().st_size for path in folder.rglob("blobs/*") if len(path.name) == 64)


def test_a_checkpoint_is_evicted_by_who_downloaded_it(from_hub, hub, tmp_path) -> None:
    """And downloaded again when it is wanted again."""
    series = from_hub(steps=[0, 1, 512])
    size = series.to_download(2)
    assert size == len(hub.repositories[REPOSITORY].revisions["step512"]["model.safetensors"])
    series.load(2)
    assert series.to_download(2) == 0
    assert blobs(tmp_path) == size
    from_hub(steps=[512]).evict(0)  # which did not download it
    assert blobs(tmp_path) == size
    series.replica().evict(2)
    assert blobs(tmp_path) == 0
    assert series.to_download(2) == size
    series.load(2)
    assert blobs(tmp_path) == size


def test_what_two_checkpoints_share_is_evicted_with_the_last(
    from_hub, hub, branches, tmp_path
) -> None:
    named = {step: dict(branches[step]) for step in ("step0", "step512")}
    named["step512"]["model.safetensors"] = named["step0"]["model.safetensors"]
    named["step512"]["README.md"] = b"so that it is another commit"
    hub.repositories["EleutherAI/pythia-14m"] = Repository(named)
    series = from_hub("EleutherAI/pythia-14m", "all")
    series.load(0)
    series.load(1)
    series.evict(0)
    assert blobs(tmp_path) > 0
    series.load(1)
    series.evict(1)
    assert blobs(tmp_path) == 0


@pytest.mark.unchecked
def test_a_check_downloads_nothing_not_even_the_tokenizer(from_hub, hub) -> None:
    assert set(from_hub(steps=[0, 512]).check(progress=False)["status"]) == {"ok"}
    assert not hub.count("/resolve/")


def test_what_reads_ahead_sets_nothing_for_the_thread_that_computes(from_hub, monkeypatch) -> None:
    """Transformers, which translates old names, sets PyTorch's default dtype while it does."""
    threads = []
    original = torch.set_default_dtype

    def noting(dtype):
        threads.append(threading.current_thread())
        original(dtype)

    monkeypatch.setattr(torch, "set_default_dtype", noting)
    sweep(from_hub(steps=[0, 8, 512]), "induction", progress=False)
    assert set(threads) == {threading.current_thread()}


@pytest.mark.parametrize("name", ["embed_out.weight", "gpt_neox.layers.1.attention.dense.weight"])
def test_a_weight_that_is_missing_is_never_made_up(from_hub, hub, branches, model, name) -> None:
    """Transformers, which translates names, would begin it anew."""
    weights = pythia_weights(model, 512)
    del weights[name]
    hub.repositories[REPOSITORY].revisions["step512"] = branches["step512"] | {
        "model.safetensors": safetensors(weights)
    }
    series = from_hub(steps=[0, 512])
    series.load(0)
    with pytest.raises(CheckpointError, match=r"512 lacks '(lm_head|gpt_neox.*dense).weight'"):
        series.load(1)


def test_a_sweep_goes_past_a_branch_without_weights(from_hub, hub, branches) -> None:
    held = dict(branches["step512"])
    del held["model.safetensors"]
    hub.repositories[REPOSITORY].revisions["step512"] = held
    with (
        pytest.warns(UserWarning, match="1 of 3 checkpoints hold is not what their names say"),
        pytest.warns(UserWarning, match=r"left out \(NaN\): step 512: .* has no weights"),
    ):
        found = sweep(from_hub(steps=[0, 512, 1000]), "induction", progress=False)
    assert found["induction"].isnull().all(("layer", "head")).values.tolist() == [
        False,
        True,
        False,
    ]
    assert found["tokens"].values.tolist() == [0, 512 * 2_097_152, 1000 * 2_097_152]
