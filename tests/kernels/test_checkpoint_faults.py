"""What is wrong with one checkpoint is said of that checkpoint, and never shown as another."""

from __future__ import annotations

import copy
import threading
from typing import Any

import pytest
import torch
from induction_kernels import CheckpointSeries, as_model, head_scores
from induction_kernels.attention.hooked import visit_attention
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
    assert bias not in dict(model.named_parameters())
    built = model.state_dict()[bias].clone()
    weights = variants(model, 2)
    weights[0][bias] = built + 1
    del weights[1][bias]
    series = CheckpointSeries.from_state_dicts(model, weights)
    for index, expected in ((0, built + 1), (1, built), (0, built + 1)):
        assert torch.equal(series.load(index).state_dict()[bias], expected)


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


# --- while it is used ---


def test_nothing_is_loaded_into_a_model_that_another_thread_runs(model) -> None:
    weights = variants(model, 2)
    series = CheckpointSeries.from_state_dicts(model, weights)
    resident, begun, go_on = series.load(0), threading.Event(), threading.Event()

    def wait(*_: object) -> None:
        begun.set()
        go_on.wait(60)

    first = threading.Thread(
        target=lambda: visit_attention(as_model(resident), torch.arange(8)[None], wait)
    )
    first.start()
    assert begun.wait(60)
    try:
        with pytest.raises(InductionError, match="step 1 is being run on another thread"):
            series.load(1)
        assert same(resident, weights[0])
    finally:
        go_on.set()
        first.join()
    assert same(series.load(1), weights[1])


# --- interrupted ---


class Interrupting(torch.Tensor):
    """A tensor at which copying stops, as Ctrl-C stops it anywhere."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is torch.Tensor.copy_:
            raise KeyboardInterrupt
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.mark.slow
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
        for held in (resident, view, copy.deepcopy(resident)):
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


# --- numbers that are not weights ---

NAME = "blocks.1.attn.k.weight"

OTHER_KINDS = {
    "int8": (lambda w: (w * 100).to(torch.int8), "torch.int8"),
    "bool": (lambda w: w > 0, "torch.bool"),
    "complex": (lambda w: w.to(torch.complex64), "torch.complex64"),
    "float8": (lambda w: w.to(torch.float8_e4m3fn), "torch.float8_e4m3fn"),
    "quantised": (
        lambda w: torch.quantize_per_tensor(w.detach().float(), 0.1, 0, torch.qint8),
        "torch.qint8",
    ),
    "sparse": (lambda w: w.to_sparse(), "sparse"),
    "without data": (lambda w: w.to("meta"), "no data"),
    "numpy": (lambda w: w.numpy(), "ndarray"),
}


@pytest.mark.filterwarnings("ignore")  # of what PyTorch plans for quantised tensors
@pytest.mark.unchecked
@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_tensors_that_are_no_floating_point_weights_are_refused(model, kind) -> None:
    spoil, said = OTHER_KINDS[kind]
    weights = variants(model, 3)
    weights[1][NAME] = spoil(weights[1][NAME])
    series = CheckpointSeries.from_state_dicts(model, weights)
    resident = series.load(0)
    with pytest.raises(CheckpointError, match=rf"(?s){NAME} in native, step 1 .*{said}"):
        series.load(1)
    assert series_of(resident)[1] == 0
    assert same(resident, weights[0])
    assert same(series.load(2), weights[2])


@pytest.mark.parametrize(
    ("given", "held"),
    [
        (torch.float64, torch.float32),
        (torch.float32, torch.float16),
        (torch.bfloat16, torch.float16),
    ],
)
def test_weights_too_large_for_the_models_dtype_are_refused(model, given, held) -> None:
    weights = [{k: v.to(given) for k, v in w.items()} for w in variants(model, 2)]
    weights[1][NAME][0, 0] = -2 * torch.finfo(held).max
    series = CheckpointSeries.from_state_dicts(model, weights).to(dtype=held)
    series.load(0)
    said = rf"{NAME} in native, step 1 reaches -.*{held} .*to\(dtype={given}\)"
    with pytest.raises(CheckpointError, match=said):
        series.load(1)
    wide = series.to(dtype=given).load(1)
    assert float(wide.state_dict()[NAME][0, 0]) == float(weights[1][NAME][0, 0])


def test_the_largest_number_of_a_dtype_is_no_overflow(model) -> None:
    weights = [{k: v.double() for k, v in variants(model, 1)[0].items()}]
    weights[0][NAME][:] = torch.finfo(torch.float32).max
    CheckpointSeries.from_state_dicts(model, weights).load(0)


def test_whole_numbers_stay_whole() -> None:
    """A model's own integer buffers, such as counters, are taken from integers only."""
    model = HUGGING_FACE["llama"]().eval()
    model.register_buffer("seen", torch.tensor(3))
    weights = [dict(model.state_dict()) for _ in range(2)]
    weights[1]["seen"] = torch.tensor(3.5)
    series = CheckpointSeries.from_state_dicts(model, weights)
    series.load(0)
    with pytest.raises(CheckpointError, match=r"seen in .*step 1 is torch.float32.*torch.int64"):
        series.load(1)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    ("give", "said"),
    [
        (lambda weights: weights, "one state dict was given instead of a list"),
        (lambda weights: 5, "5 was given instead of a list"),
        (lambda weights: [weights, list(weights)], "State dict 1 is a list, not names"),
        (lambda weights: [None], "State dict 0 is a NoneType, not names"),
    ],
)
def test_what_is_no_list_of_state_dicts(model, give, said) -> None:
    with pytest.raises(CheckpointError, match=said):
        CheckpointSeries.from_state_dicts(model, give(model.state_dict()))
