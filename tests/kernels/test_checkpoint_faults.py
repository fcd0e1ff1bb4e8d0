"""What is wrong with one checkpoint is said of that checkpoint, and never shown as another."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from induction_kernels import CheckpointSeries, as_model, head_scores
from induction_kernels.checkpoints import series_of
from induction_kernels.errors import CheckpointError, InductionError
from safetensors.torch import save_file
from small_models import HUGGING_FACE, bridge, variants


def save(weights, path) -> None:
    save_file({k: v.contiguous() for k, v in weights.items()}, path)


@pytest.fixture(scope="module")
def original() -> Any:
    return bridge()


@pytest.fixture
def model(original) -> Any:
    return copy.deepcopy(original)


def same(module, weights) -> bool:
    held = module.state_dict()
    return all(torch.equal(held[name], value) for name, value in weights.items())


# --- nothing, or not everything ---


def test_a_checkpoint_without_weights_is_refused(model, tmp_path) -> None:
    weights = variants(model, 3)
    weights[1] = {}
    series = CheckpointSeries.from_state_dicts(model, weights)
    resident = series.load(0)
    with pytest.raises(CheckpointError, match=r"native, step 1 holds no weights"):
        series.load(1)
    assert series_of(resident)[1] == 0
    assert same(series.load(2), weights[2])

    save(weights[0], tmp_path / "run_0.safetensors")
    save({}, tmp_path / "run_1.safetensors")
    files = CheckpointSeries.from_folder(tmp_path, model)
    with pytest.raises(CheckpointError, match=r"step 1 holds no weights"):
        files.load(-1)


def test_a_buffer_that_one_checkpoint_brought_is_not_left_to_the_next(model) -> None:
    """A bridge's unembedding bias is saved with it although it is not trained."""
    bias = "unembed.bias"
    assert bias in model.state_dict()
    assert bias not in dict(model.named_parameters())
    weights = variants(model, 2)
    del weights[1][bias]
    series = CheckpointSeries.from_state_dicts(model, weights)
    series.load(1)  # what the model was built with
    series.load(0)
    with pytest.raises(CheckpointError, match=rf"step 1 lacks '{bias}'"):
        series.load(1)


def test_two_values_for_one_weight_are_refused() -> None:
    """An untied checkpoint for a tied model: whichever came last used to win."""
    tied = HUGGING_FACE["gpt2"]().eval()
    weights = [dict(tied.state_dict()) for _ in range(2)]
    weights[0]["lm_head.weight"] = weights[0]["lm_head.weight"].clone()
    weights[1]["lm_head.weight"] = weights[1]["lm_head.weight"] + 1e-3
    series = CheckpointSeries.from_state_dicts(tied, weights)
    series.load(0)
    with pytest.raises(CheckpointError, match=r"'lm_head.weight' differ in .*step 1.*ties them"):
        series.load(1)


# --- interrupted ---


class Interrupting(torch.Tensor):
    """A tensor at which copying stops, as Ctrl-C stops it anywhere."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is torch.Tensor.copy_:
            raise KeyboardInterrupt
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.mark.parametrize("kind", ["bridge", "llama"])
def test_an_interrupted_swap_is_no_checkpoint(kind, original) -> None:
    """At whichever weight it stops: the model is neither the old checkpoint nor the new one."""
    model = original if kind == "bridge" else HUGGING_FACE[kind]().eval()
    weights = variants(model, 2)
    for name in weights[1]:
        whole = weights[1][name]
        series = CheckpointSeries.from_state_dicts(model, weights)
        resident = series.load(0)
        view = as_model(resident)
        series._source._state_dicts[1] = weights[1] | {name: whole.as_subclass(Interrupting)}
        with pytest.raises(KeyboardInterrupt):
            series.load(1)
        assert series_of(resident) is None
        for held in (resident, view):
            with pytest.raises(InductionError, match=r"parts of two checkpoints.*series\.load"):
                head_scores(held, "induction")
        series._source._state_dicts[1] = weights[1]
        assert same(series.load(0), weights[0])
        assert series_of(resident)[1] == 0
        assert same(as_model(series.load(1)).module, weights[1])


def test_a_checkpoint_that_cannot_be_read_does_not_end_an_interruption(model) -> None:
    weights = variants(model, 3)
    name = "blocks.1.attn.q.weight"
    weights[1][name] = weights[1][name].as_subclass(Interrupting)
    weights[2][name] = torch.full_like(weights[2][name], torch.nan)
    series = CheckpointSeries.from_state_dicts(model, weights)
    resident = series.load(0)
    with pytest.raises(KeyboardInterrupt):
        series.load(1)
    with pytest.raises(CheckpointError, match="NaN"):
        series.load(2)
    with pytest.raises(InductionError, match="parts of two checkpoints"):
        as_model(resident)
    series.model(0)
