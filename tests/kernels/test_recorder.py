"""One's own training loop, recorded: the weights of each wanted step, whole, at any time."""

from __future__ import annotations

import subprocess

import pytest
import torch
from induction_kernels import CheckpointSeries, Recorder
from induction_kernels.errors import CheckpointError, SelectionError
from induction_kernels.sweeps.recorder import is_log_spaced
from small_models import HUGGING_FACE, VOCABULARY, bridge


def train(model, steps, before_each):
    """Weights before each step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(steps):
        before_each(step)
        logits = model(torch.arange(20)[None])
        getattr(logits, "logits", logits).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()


def test_the_default_steps_are_spread_in_the_logarithm() -> None:
    steps = [step for step in range(1025) if is_log_spaced(step)]
    assert steps[:12] == [0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45]
    assert steps[-1] == 1024
    assert len(steps) == 21


@pytest.mark.parametrize("make", [bridge, HUGGING_FACE["gpt2"]], ids=["bridge", "tied"])
def test_a_plain_loop(tmp_path, make) -> None:
    model = make()
    recorder, kept = Recorder(tmp_path / "run", model), {}

    def before_each(step):
        if recorder(step):
            kept[step] = {name: value.clone() for name, value in model.state_dict().items()}

    train(model, 20, before_each)
    recorder.save(20)
    series = CheckpointSeries.from_folder(tmp_path / "run", model)
    assert series.steps == [0, 1, 2, 3, 4, 6, 8, 11, 16, 20]
    for index, step in enumerate(series.steps[:-1]):
        found = series.load(index).state_dict()
        assert all(torch.equal(found[name], value) for name, value in kept[step].items())


def test_steps_of_ones_own(tmp_path) -> None:
    model = bridge()
    recorder = Recorder(tmp_path, model, steps=[0, 5, 7])
    train(model, 10, recorder)
    assert CheckpointSeries.from_folder(tmp_path, model).steps == [0, 5, 7]


@pytest.mark.slow
def test_a_trainer(tmp_path) -> None:
    from transformers import Trainer, TrainingArguments

    model = HUGGING_FACE["llama"]()
    rows = [{"input_ids": torch.randint(VOCABULARY, (16,))} for _ in range(40)]
    rows = [row | {"labels": row["input_ids"]} for row in rows]
    arguments = TrainingArguments(
        str(tmp_path / "out"), max_steps=9, per_device_train_batch_size=2, report_to=[],
        save_strategy="no", use_cpu=True, disable_tqdm=True, dataloader_pin_memory=False,
    )  # fmt: skip
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trainer = Trainer(model, arguments, train_dataset=rows)
    trainer.add_callback(Recorder(tmp_path / "run", model).callback())
    trainer.train()
    series = CheckpointSeries.from_folder(tmp_path / "run", model)
    assert series.steps == [0, 1, 2, 3, 4, 6, 8, 9]
    for index, weights in ((0, before), (-1, model.state_dict())):
        found = series.load(index).state_dict()
        assert all(torch.equal(found[name], value) for name, value in weights.items())


@pytest.mark.unchecked
@pytest.mark.parametrize("step", [-1, 1.5, "3", True])
def test_what_is_no_step(tmp_path, step) -> None:
    with pytest.raises(SelectionError, match="is no step"):
        Recorder(tmp_path, bridge()).save(step)


def test_a_full_disk_is_said_and_leaves_nothing_behind(tmp_path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", tmp_path]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk takes root")
    try:
        with pytest.raises(
            CheckpointError, match=r"weights_0.safetensors cannot be written: .*room"
        ):
            Recorder(tmp_path, bridge()).save(0)
        assert not list(tmp_path.iterdir())
    finally:
        subprocess.run(["umount", tmp_path], check=True)
