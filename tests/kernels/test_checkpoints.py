"""Series from every source: swapped in place, refused whole, never the caller's model changed."""

from __future__ import annotations

import copy
import json
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from induction_kernels import CheckpointSeries, as_model, head_scores, sweep
from induction_kernels.checkpoints import series_of
from induction_kernels.errors import CheckpointError, InductionError, SelectionError
from safetensors.torch import save_file
from small_models import HUGGING_FACE, bridge, variants


def save(weights, path: Path) -> None:
    save_file({k: v.contiguous() for k, v in weights.items()}, path)


@pytest.fixture
def model():
    return bridge()


@pytest.fixture
def series(model) -> CheckpointSeries:
    return CheckpointSeries.from_state_dicts(
        model, variants(model), steps=[0, 10, 100, 1000], tokens=[0, 5000, 50_000, 500_000]
    )


def test_what_a_series_says_of_itself(series) -> None:
    assert len(series) == 4
    assert series.steps == [0, 10, 100, 1000]
    assert series.tokens == [0, 5000, 50_000, 500_000]
    assert series.labels[-1] == "step 1,000"
    assert series[3] == series[-1]
    assert series[3].step == 1000
    assert series.select([-1, 0]).steps == [0, 1000]
    assert [c.step for c in series] == series.steps


def test_loading_swaps_weights_into_one_resident_model(series, model) -> None:
    first = series.load(0)
    storage = [p.data_ptr() for p in first.parameters()]
    last = series.load(-1)
    assert last is first
    assert last is not model
    assert [p.data_ptr() for p in last.parameters()] == storage


def test_a_swapped_checkpoint_is_the_checkpoint(series, model) -> None:
    """The scores of a swapped-in checkpoint are those of a model built for it alone."""
    for index, weights in enumerate(variants(model)):
        alone = bridge(seed=7)
        alone.load_state_dict(weights)
        ours = head_scores(series.load(index), "induction")["induction"].values
        assert ours == pytest.approx(head_scores(alone, "induction")["induction"].values, abs=1e-6)


def test_the_callers_model_is_not_changed(series, model) -> None:
    before = {k: v.clone() for k, v in model.state_dict().items()}
    series.load(3)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_a_model_knows_its_series(series, model) -> None:
    loaded = series.load(2)
    found = series_of(loaded)
    assert found is not None
    assert found[0].steps == series.steps
    assert found[1] == 2
    assert series_of(as_model(loaded)) is not None
    assert series_of(model) is None


def test_of_a_private_model_there_is_one_view_and_of_others_each_is_looked_at(series) -> None:
    """As its user may have changed it since."""
    private = series.replica(private=True)
    assert private.model(0) is private.model(1)
    assert series.model(0) is not series.model(0)


def test_replicas_do_not_disturb_each_other(series) -> None:
    mine = series.load(0)
    weights = copy.deepcopy(mine.state_dict())
    series.replica().load(3)
    assert all(torch.equal(v, weights[k]) for k, v in mine.state_dict().items())


def test_a_series_in_another_dtype(series, capsys) -> None:
    half = series.to("cpu", torch.bfloat16)
    assert half.model(3).dtype == torch.bfloat16
    assert half.select([0, 3]).replica().model(-1).dtype == torch.bfloat16
    assert series.model(3).dtype == torch.float32
    exact, rounded = (head_scores(s.model(3), "induction")["induction"] for s in (series, half))
    assert 0 < float(abs(exact - rounded).max()) < 0.03
    of_half = series_of(half.load(3))
    assert of_half is not None
    assert of_half[0].model(0).dtype == torch.bfloat16
    assert capsys.readouterr().out == ""  # TransformerLens would say so each time


@pytest.mark.parametrize(
    "place", [("nonsense",), ("cuda:99",), ("cpu", torch.int8), (None, torch.float8_e4m3fn)]
)
def test_places_where_no_model_can_live(series, place) -> None:
    with pytest.raises(SelectionError, match="Give"):
        series.to(*place)


@pytest.mark.parametrize("index", [4, -5, 99])
def test_checkpoints_out_of_range(series, index) -> None:
    with pytest.raises(IndexError, match=rf"no checkpoint {index} in native.*0 to 3"):
        series.load(index)


@pytest.mark.unchecked
def test_a_checkpoint_that_is_no_number(series) -> None:
    with pytest.raises(SelectionError, match="whole number"):
        series.load(1.5)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda w: w.pop("blocks.1.attn.q.weight"), "lacks 'blocks.1.attn.q"),
        (lambda w: w.update(extra=torch.ones(1)), "has 'extra', which the model does not"),
        (
            lambda w: w.update({"blocks.0.attn.k.bias": torch.ones(7)}),
            r"has shape \(7,\); the model's is \(32,\)",
        ),
        (lambda w: w["blocks.0.attn.k.bias"].fill_(torch.nan), "k.bias in native.* holds NaN"),
        (lambda w: w["embed.weight"].fill_(torch.inf), "embed.weight in native.* holds infinity"),
    ],
    ids=["missing", "unknown", "shape", "nan", "infinity"],
)
def test_a_checkpoint_that_does_not_fit_changes_nothing(model, spoil, said) -> None:
    weights = variants(model)
    spoil(weights[2])
    series = CheckpointSeries.from_state_dicts(model, weights)
    resident = series.load(1)
    before = {k: v.clone() for k, v in resident.state_dict().items()}
    with pytest.raises(CheckpointError, match=said):
        series.load(2)
    assert all(torch.equal(v, before[k]) for k, v in resident.state_dict().items())
    assert series_of(resident)[1] == 1
    series.load(3)


def test_labels_must_match(model) -> None:
    with pytest.raises(CheckpointError, match="2 steps were given for 4"):
        CheckpointSeries.from_state_dicts(model, variants(model), steps=[0, 1])
    with pytest.raises(CheckpointError, match="do not rise"):
        CheckpointSeries.from_state_dicts(model, variants(model), steps=[0, 2, 1, 3])
    with pytest.raises(CheckpointError, match=r"tokens .* do not rise"):
        CheckpointSeries.from_state_dicts(model, variants(model), tokens=[0, 900, 400, 1000])
    with pytest.raises(CheckpointError, match="no checkpoints"):
        CheckpointSeries.from_state_dicts(model, [])


@pytest.mark.unchecked
@pytest.mark.parametrize("wrong", [None, 2.5, "2", -2, True])
@pytest.mark.parametrize("what", ["steps", "tokens"])
def test_labels_are_whole_numbers(model, what, wrong) -> None:
    labels = {what: [0, wrong, 3, 4]}
    with pytest.raises(CheckpointError, match=rf"The {what} hold {wrong!r}.*whole numbers"):
        CheckpointSeries.from_state_dicts(model, variants(model), **labels)


def test_folded_weights_take_no_raw_checkpoint(model) -> None:
    weights = variants(model)
    model.enable_compatibility_mode()
    with pytest.raises(CheckpointError, match="compatibility mode"):
        CheckpointSeries.from_state_dicts(model, weights).load(0)


# --- folders ---


def test_safetensors_files(tmp_path, model) -> None:
    for step, weights in zip((0, 20, 100), variants(model), strict=False):
        save(weights, tmp_path / f"run_{step}.safetensors")
    series = CheckpointSeries.from_folder(tmp_path, model, tokens_per_step=4096)
    assert series.steps == [0, 20, 100]
    assert series.tokens == [0, 81_920, 409_600]
    expected = variants(model)[2]["blocks.0.attn.q.weight"]
    torch.testing.assert_close(series.load(2).state_dict()["blocks.0.attn.q.weight"], expected)
    with pytest.raises(CheckpointError, match="Pass the model they belong to"):
        CheckpointSeries.from_folder(tmp_path)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_hugging_face_folders(tmp_path, kind, tokenizer) -> None:
    """checkpoint-<step>/ as transformers.Trainer writes them, tied embeddings and all."""
    trained = HUGGING_FACE[kind]()
    scores = []
    for step in (5, 10, 200):
        with torch.no_grad():
            for parameter in trained.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
        folder = tmp_path / f"checkpoint-{step}"
        trained.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        (folder / "trainer_state.json").write_text(
            json.dumps({"num_input_tokens_seen": step * 1000})
        )
        scores.append(head_scores((trained, tokenizer), "induction")["induction"].values)
    series = CheckpointSeries.from_folder(tmp_path)
    assert series.steps == [5, 10, 200]  # by number, not by name
    assert series.tokens == [5000, 10_000, 200_000]
    found = sweep(series, "induction", progress=False)["induction"]
    assert found.values == pytest.approx(np.stack(scores), abs=1e-5)
    resident = series.load(0)
    assert series.load(1) is resident


def test_a_truncated_or_missing_file(tmp_path, model) -> None:
    for step in (0, 1):
        save(model.state_dict(), tmp_path / f"run_{step}.safetensors")
    series = CheckpointSeries.from_folder(tmp_path, model)
    whole = (tmp_path / "run_1.safetensors").read_bytes()
    (tmp_path / "run_1.safetensors").write_bytes(whole[:1000])
    with pytest.raises(CheckpointError, match=r"run_1.*not a whole safetensors file.*1,000 bytes"):
        series.load(1)
    (tmp_path / "run_1.safetensors").unlink()
    with pytest.raises(CheckpointError, match="does not exist"):
        series.load(1)
    series.load(0)


def test_folders_without_checkpoints(tmp_path) -> None:
    with pytest.raises(CheckpointError, match="holds no checkpoints"):
        CheckpointSeries.from_folder(tmp_path)
    with pytest.raises(CheckpointError, match="is not a folder"):
        CheckpointSeries.from_folder(tmp_path / "nowhere")
    (tmp_path / "a_7.safetensors").touch()
    (tmp_path / "b_7.safetensors").touch()
    with pytest.raises(CheckpointError, match="both step 7"):
        CheckpointSeries.from_folder(tmp_path, bridge())


# --- sweeps ---


def test_a_sweep_is_head_scores_at_every_checkpoint(series) -> None:
    names = ["induction", "prefix_matching", "previous_token_logit"]
    found = sweep(series, names, progress=False)
    assert found["induction"].dims == ("checkpoint", "layer", "head")
    assert found["induction"].shape == (4, 2, 4)
    assert found["step"].values.tolist() == series.steps
    assert found["tokens"].values.tolist() == series.tokens
    for index in range(4):
        alone = head_scores(series.load(index), names)
        for name in names:
            assert found[name][index].values == pytest.approx(alone[name].values, abs=1e-6)


def test_a_broken_checkpoint_costs_only_itself(model) -> None:
    weights = variants(model)
    weights[1]["blocks.0.attn.q.weight"][:] = torch.nan
    series = CheckpointSeries.from_state_dicts(model, weights)
    with pytest.warns(UserWarning, match="step 1: .*holds NaN"):
        found = sweep(series, "induction", progress=False)
    assert np.isnan(found["induction"][1]).all()
    assert np.isfinite(found["induction"][[0, 2, 3]]).all()
    assert "step 1" in found.attrs["faults"][0]


def test_a_sweep_shows_its_progress(series, capfd) -> None:
    sweep(series, "induction")
    assert "4/4" in capfd.readouterr().err


def test_the_next_checkpoint_is_read_while_this_one_is_in_use(series, model, monkeypatch) -> None:
    threads: dict[int, str] = {}
    read = series._source.weights

    def weights(index: int):
        threads[index] = threading.current_thread().name
        return read(index)

    monkeypatch.setattr(series._source, "weights", weights)
    series.load(0, then=1)
    loaded = series.load(1, then=2)
    for name, value in variants(model)[1].items():
        assert torch.equal(loaded.state_dict()[name], value)
    series.load(3)  # not what was expected next
    assert threads[0] == threads[3] == threading.current_thread().name
    assert threads[1].startswith("induction-read-ahead")
    assert series.load(3) is loaded


def test_what_goes_wrong_ahead_is_said_when_the_checkpoint_is_wanted(model) -> None:
    weights = variants(model)
    weights[2]["blocks.0.attn.q.weight"][0] = torch.inf
    series = CheckpointSeries.from_state_dicts(model, weights)
    series.load(1, then=2)
    with pytest.raises(CheckpointError, match=r"attn.q.weight in .*step 2 holds infinity"):
        series.load(2, then=3)
    assert torch.equal(
        series.load(3).state_dict()["blocks.0.attn.q.weight"], weights[3]["blocks.0.attn.q.weight"]
    )


def test_large_weights_whose_sum_overflows_are_not_infinite(model) -> None:
    weights = variants(model)
    weights[1]["blocks.0.attn.q.weight"][:] = 1e38
    CheckpointSeries.from_state_dicts(model, weights).load(1)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ..."),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_model_that_does_not_fit_a_second_time(error) -> None:
    """The copy that an explorer makes of a lone model, and the one that a series builds."""
    module = bridge()
    series = CheckpointSeries.from_state_dicts(module, variants(module, 2))

    def full(_self: object, _memo: object) -> None:
        raise error

    module.blocks[1].__deepcopy__ = full.__get__(module.blocks[1])
    for make in (lambda: CheckpointSeries.single(as_model(module)), lambda: series.load(0)):
        with pytest.raises(InductionError, match=r"no memory for another native.*Free memory"):
            make()
    del module.blocks[1].__deepcopy__
    assert series.load(0) is not module


def test_other_errors_of_copying_stay_what_they_are() -> None:
    module = bridge()

    def broken(_self: object, _memo: object) -> None:
        raise RuntimeError("size mismatch")

    module.blocks[1].__deepcopy__ = broken.__get__(module.blocks[1])
    with pytest.raises(RuntimeError, match="size mismatch"):
        CheckpointSeries.single(as_model(module))
