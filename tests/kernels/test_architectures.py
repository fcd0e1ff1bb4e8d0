"""Scores of every architecture: fused, hooked, and Transformers' own eager attention in a loop."""

from __future__ import annotations

import copy
import math
from functools import cache

import pytest
import torch
from architectures import ARCHITECTURES, sharpened, trained
from induction_kernels import as_model, head_scores
from induction_kernels.attention import readout
from induction_kernels.attention.cells import read_cells, read_hooked
from induction_kernels.attention.readout import Reading
from repeated_probe import BFLOAT16_BOUND, PERIOD, N, probe, readings
from small_models import VOCABULARY
from transformers import LlamaConfig, LlamaForCausalLM


@cache
def model_of(kind: str, weights: str):
    torch.manual_seed(0)
    model = ARCHITECTURES[kind]()
    return trained(model) if weights == "trained" else sharpened(model)


@pytest.mark.parametrize("weights", ["random", "trained"])
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_fused_is_hooked(kind: str, weights: str) -> None:
    model, tokens = as_model(model_of(kind, weights)), probe()
    fused, path = read_cells(model, tokens, readings(tokens))
    assert path == "fused"
    hooked = read_hooked(model, tokens, readings(tokens))
    for name, values in fused.items():
        # Scores before the softmax are large: float32 holds them to about a millionth.
        size = max(1.0, float(hooked[name].abs().max()))
        assert float((values - hooked[name]).abs().max()) < 1e-5 * size, name


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_against_transformers_own_attention_in_a_loop(kind: str) -> None:
    module, tokens = model_of(kind, "trained"), probe()
    found, _ = read_cells(as_model(module), tokens, readings(tokens))
    implementation = module.config._attn_implementation
    module.set_attn_implementation("eager")
    try:
        with torch.no_grad():
            layers = module(input_ids=tokens, output_attentions=True).attentions
    finally:
        module.set_attn_implementation(implementation)
    for layer, attention in enumerate(layers):
        for head in range(4):
            a = attention[:, head].double().numpy()
            expected = slow_scores(a, tokens.tolist())
            for name, value in expected.items():
                assert float(found[name][layer, head]) == pytest.approx(value, abs=1e-5), name


def slow_scores(a, tokens: list[list[int]]) -> dict[str, float]:
    """The definitions of the scores, one cell at a time, on patterns [batch, query, key]."""
    later = range(1 + PERIOD, N)
    rows = range(len(tokens))

    def mean(values) -> float:
        values = list(values)
        return math.fsum(values) / len(values)

    def natural():
        for b in rows:
            for q in range(N):
                copies = [j for j in range(q - 1) if tokens[b][j] == tokens[b][q]]
                if copies:
                    yield sum(a[b, q, j + 1] for j in copies)

    second = range(1 + PERIOD, 1 + 2 * PERIOD)
    return {
        "induction": mean(a[b, q, q - PERIOD + 1] for b in rows for q in second),
        "duplicate_token": mean(a[b, q, q - PERIOD] for b in rows for q in second),
        # Key 1 follows BOS, not a copy of anything.
        "prefix_matching": mean(
            sum(a[b, q, k] for k in range(q - PERIOD + 1, 1, -PERIOD)) for b in rows for q in later
        ),
        "previous_token": mean(a[b, q, q - 1] for b in rows for q in range(1, N)),
        "first_token": mean(a[b, q, 0] for b in rows for q in range(1, N)),
        "natural_induction": mean(natural()),
        "entropy": mean(
            -sum(p * math.log(p) for p in a[b, q] if p > 0) / math.log(q + 1)
            for b in rows
            for q in range(1, N)
        ),
    }


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_bfloat16_is_within_its_bound_of_float32(kind: str) -> None:
    module, tokens = copy.deepcopy(model_of(kind, "trained")), probe()
    of_patterns = {k: r for k, r in readings(tokens).items() if r.of == "pattern"}
    exact, _ = read_cells(as_model(module), tokens, of_patterns)
    half, path = read_cells(as_model(module.bfloat16()), tokens, of_patterns)
    hooked = read_hooked(as_model(module), tokens, of_patterns)
    assert path == "fused"
    for name, values in half.items():
        assert values.dtype == torch.float32
        assert float((values - exact[name]).abs().max()) < BFLOAT16_BOUND, name
        assert float((values - hooked[name]).abs().max()) < BFLOAT16_BOUND, name


LONG = pytest.param(4096, marks=pytest.mark.slow)


@pytest.mark.parametrize("n", [2, 3, 8, 33, 129, 500, 1025, LONG])
def test_lengths(n: int) -> None:
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY, num_attention_heads=2, max_position_embeddings=4096, **shape
        )
    )
    tokens = torch.randint(0, VOCABULARY, (1, n), generator=torch.Generator().manual_seed(0))
    wanted = {
        "previous_token": Reading(readout.previous_token(n), "pattern"),
        "first_token": Reading(readout.first_token(n), "pattern"),
        "previous_token_logit": Reading(readout.previous_token(n), "scores"),
        "entropy": Reading(readout.entropy(n), "pattern"),
    }
    view = as_model(sharpened(model))
    fused, path = read_cells(view, tokens, wanted)
    hooked = read_hooked(view, tokens, wanted)
    assert path == "fused"
    for name, values in fused.items():
        assert float((values - hooked[name]).abs().max()) < 1e-5, name


def test_the_reader_gets_the_architecture_that_was_asked_for() -> None:
    """The attention implementation is put back, and the scores say how they were read."""
    for kind in ("llama", "gemma2"):
        model = model_of(kind, "trained")
        before = model.config._attn_implementation
        found = head_scores(model, "induction")
        assert found.attrs["attention"] == "fused"
        assert model.config._attn_implementation == before
