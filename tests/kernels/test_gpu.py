"""On a GPU every number is what it is on the CPU. Skipped where there is no GPU."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from architectures import ARCHITECTURES, sharpened
from induction_kernels import (
    CheckpointSeries,
    ablate_each,
    attention_patterns,
    attribution_patching,
    head_scores,
    load_demo,
    loss_pca,
    measures,
    passage_losses,
    sweep,
    token_losses,
    top_predictions,
    wiring,
)
from induction_kernels.attention.cells import read_cells
from induction_kernels.attention.door import as_model
from induction_kernels.attention.fused import read_fused
from induction_kernels.attention.patterns import keep_packed, run_patterns
from induction_kernels.errors import InductionError
from repeated_probe import BFLOAT16_BOUND, probe, readings
from small_models import HUGGING_FACE, VOCABULARY, bridge, variants, wrapped
from two_paths import difference

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")

TEXT = "def __init__(self, name):\n    self.name = name\n    self.value = name"


def close(here, there, atol: float = 1e-4) -> None:
    for name in there.data_vars:
        if there[name].dtype.kind == "f":
            np.testing.assert_allclose(
                here[name].values, there[name].values, atol=atol, rtol=1e-4, err_msg=name
            )


@pytest.mark.parametrize("n", [2, 3, 33, 101, 128])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", sorted(ARCHITECTURES))
def test_fused_is_hooked(kind, dtype, n) -> None:
    """Some have windows, which need a mask, and 101 tokens one whose rows are not aligned."""
    torch.manual_seed(0)
    model = sharpened(ARCHITECTURES[kind]()).to("cuda", dtype)
    exact = dtype == torch.float32
    assert difference(model, n, (n - 1) // 2, logits=exact) < (1e-4 if exact else BFLOAT16_BOUND)


@pytest.mark.parametrize("baseline", ["zero", "resample"])
@pytest.mark.parametrize("kind", sorted(ARCHITECTURES))
def test_slopes_are_those_of_the_cpu(kind, baseline) -> None:
    torch.manual_seed(0)
    model = sharpened(ARCHITECTURES[kind]())
    there = attribution_patching(model, baseline=baseline)
    here = attribution_patching(model.to("cuda"), baseline=baseline)
    np.testing.assert_allclose(here, there, atol=1e-3 * float(abs(there).max()), rtol=1e-3)


@pytest.mark.parametrize("kind", [*ARCHITECTURES, "native", "grouped native", "bridge"])
def test_every_reading_is_that_of_the_cpu(kind) -> None:
    torch.manual_seed(0)
    if kind == "bridge":
        model = wrapped(sharpened(HUGGING_FACE["gpt_neox"]()))
    elif kind.endswith("native"):
        model = sharpened(bridge(n_key_value_heads=2) if kind != "native" else bridge())
    else:
        model = sharpened(ARCHITECTURES[kind]())
    tokens = probe()
    here = cells_of(model, tokens)
    model.cuda()
    there = cells_of(model, tokens)
    for name, values in here.items():
        size = max(1.0, float(values.abs().max()))
        assert float((values - there[name]).abs().max()) < 1e-4 * size, name


def cells_of(model, tokens):
    return read_cells(as_model(model), tokens, readings(tokens))[0]


@pytest.mark.parametrize("kind", ["llama", "mistral", "gemma2", "gpt2"])
def test_losses_predictions_and_patterns(kind) -> None:
    torch.manual_seed(0)
    model = ARCHITECTURES[kind]().eval()
    tokens = torch.randint(0, VOCABULARY, (2, 100), generator=torch.Generator().manual_seed(0))

    def numbers():
        predicted = top_predictions(model, tokens[0], k=3)
        return token_losses(model, tokens), attention_patterns(model, tokens[0]), predicted.logits

    here = numbers()
    model.cuda()
    for a, b in zip(here, numbers(), strict=True):
        torch.testing.assert_close(b, a, atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", ["attn-only-1l", "attn-only-2l"])
def test_everything_of_a_bundled_series(name) -> None:
    here = load_demo(name).select([0, 12, -1])
    layers, there = here.model(0).n_layers, here.to("cuda")
    assert next(there.load(0).parameters()).device.type == "cuda"
    for of in (
        lambda series: sweep(series, progress=False),
        lambda series: measures(series, [TEXT * 30] * 4, progress=False),
        lambda series: passage_losses(series, TEXT, " name", progress=False),
        lambda series: ablate_each(series.model(-1)),
        lambda series: wiring(series.model(-1), (layers - 1, 2)),
    ):
        close(of(there), of(here), atol=2e-3)
    found = [measures(s, [TEXT * 30] * 4, progress=False) for s in (here, there)]
    of_here, of_there = (loss_pca({name: one})[name].points for one in found)
    np.testing.assert_allclose(of_there, of_here, atol=2e-3)


def test_bfloat16_of_a_bundled_series() -> None:
    exact, half = load_demo(), load_demo().to("cuda", torch.bfloat16)
    names = ["induction", "prefix_matching", "previous_token", "first_token"]
    close(head_scores(half.model(-1), names), head_scores(exact.model(-1), names), BFLOAT16_BOUND)


def test_weights_swapped_on_the_gpu() -> None:
    model = bridge()
    states = variants(model)
    here = CheckpointSeries.from_state_dicts(model, states)
    there = CheckpointSeries.from_state_dicts(copy.deepcopy(model).cuda(), states)
    close(sweep(there, "induction", progress=False), sweep(here, "induction", progress=False))


def test_a_long_pattern_never_needs_the_square() -> None:
    n = 16_384
    model = ARCHITECTURES["llama"]().eval().cuda()
    model.config.max_position_embeddings = n
    tokens = torch.randint(0, VOCABULARY, (1, n), generator=torch.Generator().manual_seed(0))
    found: dict = {}
    as_model(model)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run_patterns(as_model(model), tokens, [(1, 2)], found.__setitem__, keep_packed)
    assert found[1, 2].shape == (n * (n + 1) // 2,)
    assert torch.cuda.max_memory_allocated() - before < n * n  # a quarter of it in float32


def test_out_of_memory_halves_the_batch_and_loses_nothing() -> None:
    """A real one: PyTorch is held to a little more than half of what the batch needs."""
    model = as_model(ARCHITECTURES["llama"]().cuda().eval())
    model.n_ctx = model.module.config.max_position_embeddings = 4096
    tokens = torch.randint(0, VOCABULARY, (16, 4096), generator=torch.Generator().manual_seed(0))
    small = tokens[:1]
    token_losses(model, small)
    whole, needed = peak_of(lambda: token_losses(model, tokens, batch_size=16))
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    held = torch.cuda.memory_reserved()
    try:
        torch.cuda.set_per_process_memory_fraction((held + 0.6 * needed) / total)
        with pytest.warns(match="Out of memory with 16 rows of 4096 tokens; going on with 8"):
            again = token_losses(model, tokens, batch_size=16)
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction((held + 0.01 * needed) / total)
        with (
            pytest.warns(match="Out of memory"),
            pytest.raises(InductionError, match="One row of 4096 tokens does not fit"),
        ):
            token_losses(model, tokens)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    torch.testing.assert_close(again, whole)


def peak_of(work):
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    found = work()
    return found, torch.cuda.max_memory_allocated() - before


def test_nothing_waits_for_the_gpu_layer_by_layer() -> None:
    """A wait in every layer would leave the GPU idle: only the end of the pass has one."""
    model = as_model(ARCHITECTURES["llama"]().cuda().eval())
    tokens = probe().cuda()
    wanted = readings(probe())
    read_fused(model, tokens, wanted)
    with torch.profiler.profile(acc_events=True) as seen:
        read_fused(model, tokens, wanted)
    waits = sum(e.count for e in seen.key_averages() if "cudaStreamSynchronize" in e.key)
    # The readings go there, the numbers come back.
    assert waits <= 3 * len(wanted) + 3
