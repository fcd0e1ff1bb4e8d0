"""Scores of a model while it trains, kept in a store: the training is as it would be without."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from induction_kernels import CheckpointSeries, Recorder, sweep
from induction_kernels.errors import SelectionError, StoreError
from induction_kernels.sweeps.measuring import Measuring
from induction_kernels.sweeps.store import Store
from small_models import HUGGING_FACE, VOCABULARY, bridge

ROWS = [[(3 * i + j) % 300 for j in range(60)] for i in range(4)]
SCORES = ["induction", "previous_token", "copying"]


def gpt2():
    """With dropout, which draws random numbers."""
    return HUGGING_FACE["gpt2"]()


def rows() -> torch.Tensor:
    return torch.randint(VOCABULARY, (2, 16))


def train(model, steps: int, before_each=lambda step: None) -> None:
    """The same each time: but for what `before_each` leaves behind."""
    torch.manual_seed(0)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(steps):
        before_each(step)
        tokens = rows()
        logits = model(tokens)
        logits = getattr(logits, "logits", logits)
        loss = torch.nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()
        )
        loss.backward()
        if step % 2:  # gradients of two steps: they are there between them
            optimizer.step()
            optimizer.zero_grad()


def weights_of(model) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.slow
@pytest.mark.parametrize("make", [bridge, gpt2], ids=["bridge", "gpt2"])
def test_the_training_is_bit_for_bit_what_it_is_without(tmp_path, make) -> None:
    """Weights, gradients, random numbers, modes; and its user's hooks see its own passes alone."""
    plain, recorded = make(), make()
    recorded.load_state_dict(plain.state_dict())
    calls = {"plain": 0, "recorded": 0}

    def count(name: str):
        def hook(*_: object) -> None:
            calls[name] += 1

        return hook

    plain.register_forward_hook(count("plain"))
    recorded.register_forward_hook(count("recorded"))
    hooks = [list(part._forward_hooks.values()) for part in recorded.modules()]
    train(plain, 9)
    left = torch.get_rng_state()
    recorder = Recorder(
        None, recorded, store=tmp_path / "x.zarr", scores=SCORES, measures=True, texts=ROWS
    )
    train(recorded, 9, recorder)
    assert torch.equal(left, torch.get_rng_state())
    assert calls["plain"] == calls["recorded"]
    assert [list(part._forward_hooks.values()) for part in recorded.modules()] == hooks
    assert all(part.training for part in recorded.modules())
    for name, value in weights_of(plain).items():
        assert torch.equal(recorded.state_dict()[name], value), name
    for one, other in zip(plain.parameters(), recorded.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None)
        assert one.grad is None or torch.equal(one.grad, other.grad)
    kept = Store(tmp_path / "x.zarr").dataset()
    assert list(kept["step"].values) == [0, 1, 2, 3, 4, 6, 8]
    assert np.isfinite(kept["loss"].values).all()


@pytest.mark.slow
def test_a_sweep_of_the_saved_weights_agrees(tmp_path) -> None:
    """And finds nothing left to do in the store."""
    model = gpt2()
    how = {"scores": SCORES, "measures": True, "texts": ROWS}
    recorder = Recorder(
        tmp_path / "run", model, store=tmp_path / "x.zarr", tokens_per_step=32, **how
    )
    train(model, 9, recorder)
    recorder.save(9)
    series = CheckpointSeries.from_folder(tmp_path / "run", model.eval(), tokens_per_step=32)
    store = Store(tmp_path / "x.zarr")
    assert store.checkpoints == list(series)
    assert not any(store.lacks(list(series), [*SCORES, "loss"]))
    before = store.state()
    found = sweep(series, store=tmp_path / "x.zarr", progress=False, **how)
    assert Store(tmp_path / "x.zarr").state() == before
    fresh = sweep(series, progress=False, **how)
    for name in fresh.data_vars:
        np.testing.assert_array_equal(found[name].values, fresh[name].values)
    more = sweep(series, "duplicate_token", store=tmp_path / "x.zarr", progress=False)
    assert np.isfinite(more["duplicate_token"].values).all()


def test_a_sweep_of_another_model_or_probe_is_refused(tmp_path) -> None:
    model = gpt2()
    Recorder(tmp_path / "run", model, store=tmp_path / "x.zarr", scores="induction").save(0)
    series = CheckpointSeries.from_folder(tmp_path / "run", model)
    with pytest.raises(StoreError, match=r"holds another sweep: induction: .*seed 0.*seed 1"):
        sweep(series, "induction", store=tmp_path / "x.zarr", seed=1, progress=False)
    Recorder(tmp_path / "other", model).save(0)
    other = CheckpointSeries.from_folder(tmp_path / "other", model)
    with pytest.raises(StoreError, match=r"holds another sweep: .*'run' there, 'other' here"):
        sweep(other, "induction", store=tmp_path / "x.zarr", progress=False)
    with pytest.raises(StoreError, match="holds another sweep"):
        Recorder(None, bridge(), store=tmp_path / "x.zarr", scores="induction", name="run").save(1)


def test_a_run_that_begins_again_goes_on_in_its_store(tmp_path) -> None:
    model = bridge()
    recorder = Recorder(None, model, store=tmp_path / "x.zarr", scores="induction", name="mine")
    train(model, 4, recorder)
    again = Recorder(None, model, store=tmp_path / "x.zarr", scores="induction", name="mine")
    for step in (4, 6):
        again(step)
    kept = Store(tmp_path / "x.zarr")
    assert [one.step for one in kept.checkpoints] == [0, 1, 2, 3, 4, 6]
    assert kept.attrs["series"] == "mine"
    assert np.isfinite(kept.dataset()["induction"].values).all()


def test_another_run_is_refused_before_it_trains_and_one_that_goes_back_writes_over(
    tmp_path,
) -> None:
    model = bridge()
    how = {"store": tmp_path / "x.zarr", "scores": "induction", "name": "mine"}
    train(model, 4, Recorder(None, model, **how))
    before = Store(tmp_path / "x.zarr").dataset()["induction"].values
    with pytest.raises(StoreError, match="holds another run: the weights of step 0 are not those"):
        Recorder(None, model, **how).save(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    Recorder(None, model, **how).save(3)
    kept = Store(tmp_path / "x.zarr")
    after = kept.dataset()["induction"].values
    np.testing.assert_array_equal(after[:3], before[:3])
    assert (after[3] != before[3]).any()
    fresh = sweep(
        CheckpointSeries.from_state_dicts(model, [model.state_dict()], steps=[3], name="mine"),
        "induction", progress=False,
    )  # fmt: skip
    np.testing.assert_array_equal(after[3:], fresh["induction"].values)


def test_a_model_that_has_diverged_is_a_gap_and_stops_nothing(tmp_path) -> None:
    model = bridge()
    recorder = Recorder(None, model, store=tmp_path / "x.zarr", scores="induction", steps=[0, 1, 2])
    good = copy.deepcopy(model.state_dict())
    recorder(0)
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    recorder(1)
    model.load_state_dict(good)
    recorder(2)
    kept = Store(tmp_path / "x.zarr")
    assert list(kept.faults()) == ["step 1"]
    assert "NaN" in kept.faults()["step 1"]
    assert np.isfinite(kept.dataset()["induction"].values[[0, 2]]).all()


def test_under_autocast_it_scores_in_full_precision(tmp_path) -> None:
    """As a sweep of the saved weights will."""
    model = gpt2()
    recorder = Recorder(tmp_path / "run", model, store=tmp_path / "x.zarr", scores="induction")
    with torch.autocast("cpu", torch.bfloat16):
        recorder(0)
    fresh = sweep(
        CheckpointSeries.from_folder(tmp_path / "run", model), "induction", progress=False
    )
    kept = Store(tmp_path / "x.zarr").dataset()
    np.testing.assert_array_equal(kept["induction"].values, fresh["induction"].values)


def test_a_score_that_draws_random_numbers_takes_none_of_the_loops(tmp_path, monkeypatch) -> None:
    original = Measuring.__call__

    def drawing(self, *given):
        torch.rand(3)
        return original(self, *given)

    monkeypatch.setattr(Measuring, "__call__", drawing)
    recorder = Recorder(None, bridge(), store=tmp_path / "x.zarr", scores="induction")
    before = torch.get_rng_state()
    recorder(0)
    assert torch.equal(before, torch.get_rng_state())


def test_a_sweep_of_a_folder_that_was_trained_anew_is_refused(tmp_path) -> None:
    model = bridge()
    Recorder(tmp_path / "run", model, store=tmp_path / "x.zarr", scores="induction").save(0)
    Recorder(tmp_path / "run", bridge(seed=1)).save(0)
    series = CheckpointSeries.from_folder(tmp_path / "run", model)
    with pytest.raises(StoreError, match="holds another run: the weights of step 0"):
        sweep(series, store=tmp_path / "x.zarr", scores="induction", progress=False)


def test_neither_a_folder_nor_a_store() -> None:
    with pytest.raises(SelectionError, match="Neither a folder nor a store"):
        Recorder(None, bridge())


def test_a_score_that_does_not_exist_is_said_before_training(tmp_path) -> None:
    with pytest.raises(SelectionError, match="deduction"):
        Recorder(None, bridge(), store=tmp_path / "x.zarr", scores="deduction")


@pytest.mark.slow
def test_a_trainer(tmp_path) -> None:
    """Bit for bit the same with and without."""
    from transformers import Trainer, TrainingArguments

    def trained(folder: Path, *callbacks) -> dict[str, torch.Tensor]:
        torch.manual_seed(1)
        model = HUGGING_FACE["llama"]()
        generator = torch.Generator().manual_seed(0)
        data = [torch.randint(VOCABULARY, (16,), generator=generator) for _ in range(40)]
        arguments = TrainingArguments(
            str(folder), max_steps=9, per_device_train_batch_size=2, report_to=[],
            save_strategy="no", use_cpu=True, disable_tqdm=True, dataloader_pin_memory=False,
        )  # fmt: skip
        trainer = Trainer(
            model, arguments, train_dataset=[{"input_ids": r, "labels": r} for r in data]
        )
        for callback in callbacks:
            trainer.add_callback(callback(model))
        trainer.train()
        return weights_of(model)

    plain = trained(tmp_path / "plain")
    recorded = trained(
        tmp_path / "recorded",
        lambda model: Recorder(
            None, model, store=tmp_path / "x.zarr", scores="induction"
        ).callback(),
    )
    assert all(torch.equal(recorded[name], value) for name, value in plain.items())
    kept = Store(tmp_path / "x.zarr").dataset()
    assert list(kept["step"].values) == [0, 1, 2, 3, 4, 6, 8, 9]
    assert np.isfinite(kept["induction"].values).all()
