"""Scores of the weights among the others: what they take, what they say, when they are left out."""

from __future__ import annotations

import pytest
import torch
from architectures import ARCHITECTURES
from induction_kernels import SCORES, as_model, head_scores, load_demo, sweep
from induction_kernels.errors import CheckpointError, InductionError, UnsupportedModelError
from induction_kernels.scores.of_weights.circuits import (
    copying,
    copying_output,
    k_composition,
    ov_copying,
    qk_trace,
)
from induction_kernels.scores.registry import UNASKED, choose_scores
from small_models import HUGGING_FACE, bridge, wrapped

OF_WEIGHTS = ("ov_copying", "copying", "copying_output", "qk_trace", "k_composition")


@pytest.fixture(scope="module")
def series():
    return load_demo("attn-only-2l").select([0, 12, -1])


def test_a_sweep_is_what_circuits_computes_at_every_checkpoint(series) -> None:
    found = sweep(series, OF_WEIGHTS, progress=False)
    assert list(found.data_vars) == list(OF_WEIGHTS)
    for index in range(3):
        model = series.model(index)
        composition = k_composition(model)
        expected = {
            "ov_copying": ov_copying(model),
            "copying": copying(model),
            "copying_output": copying_output(model),
            "k_composition": composition.best(),
        }
        for name, values in expected.items():
            assert found[name].values[index] == pytest.approx(values.numpy(), abs=1e-6)
    assert found["k_composition"].attrs["baseline"] == composition.baseline


def test_qk_trace_weighs_earlier_heads_by_their_attention_on_text(series) -> None:
    model = series.model(-1)
    found = head_scores(model, ["qk_trace", "entropy"])
    assert found["qk_trace"].attrs["text_hash"] == found["entropy"].attrs["text_hash"]
    # On the random tokens previous-token heads are a little more or less sure, but the same.
    previous = torch.tensor(head_scores(model, "previous_token")["previous_token"].values)
    alike = qk_trace(model, previous).numpy()
    assert found["qk_trace"].values == pytest.approx(alike, rel=0.35, abs=40)
    assert found["qk_trace"].values != pytest.approx(alike)


def test_what_a_reader_is_told(series) -> None:
    found = head_scores(series.model(-1), OF_WEIGHTS)
    told = {name: found[name].attrs for name in OF_WEIGHTS}
    assert "attention" in found.attrs  # for p of qk_trace
    assert "attention" not in head_scores(series.model(-1), "ov_copying").attrs
    assert all(t["folding"] == "on copies" and "approximate" not in t for t in told.values())
    assert {name: t["range"] for name, t in told.items()} == {
        "ov_copying": "-1 to 1",
        "copying": "-1 to 1",
        "copying_output": "-1 to 1",
        "qk_trace": "unbounded",
        "k_composition": "-0.123913 to 0.876087",
    }
    for name in ("copying", "copying_output"):
        assert told[name]["chance"] == pytest.approx(4 / 26 - 1)
        assert told[name]["probe_hash"] == told["copying"]["probe_hash"]


@pytest.mark.parametrize("name", ["copying", "copying_output"])
def test_the_chance_level_of_copying_is_what_random_heads_get(name) -> None:
    torch.manual_seed(0)
    model = bridge(n_layers=1, n_heads=64, d_model=128, d_vocab=2000, normalization_type=None)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    found = head_scores(model, name)[name]
    assert float(found.mean()) == pytest.approx(found.attrs["chance"], abs=0.01)


def test_rotary_models_are_approximate_and_folded_ones_are_said_to_be() -> None:
    rotary = head_scores(HUGGING_FACE["llama"](), ["ov_copying", "k_composition"])
    assert "rotation" in rotary["k_composition"].attrs["approximate"]
    assert "approximate" not in rotary["ov_copying"].attrs
    model = wrapped(HUGGING_FACE["gpt2"]())
    raw = head_scores(model, "ov_copying")["ov_copying"]
    model.enable_compatibility_mode(disable_warnings=True)
    folded = head_scores(model, "ov_copying")["ov_copying"]
    assert (raw.attrs["folding"], folded.attrs["folding"]) == ("on copies", "by TransformerLens")
    assert folded.values == pytest.approx(raw.values, abs=1e-4)


def test_weights_that_cannot_be_read_are_left_out_and_refused_by_name(tokenizer) -> None:
    model = as_model(ARCHITECTURES["qwen3"](), tokenizer)
    found = head_scores(model)
    assert set(found.data_vars) == set(UNASKED) - set(OF_WEIGHTS)
    assert len(found.attrs["left_out"]) == len(OF_WEIGHTS)
    assert all("Qwen3ForCausalLM" in line for line in found.attrs["left_out"])
    with pytest.raises(UnsupportedModelError, match="Qwen3ForCausalLM"):
        head_scores(model, "ov_copying")


def test_a_sweep_says_what_it_left_out(tokenizer) -> None:
    from induction_kernels import CheckpointSeries

    model = ARCHITECTURES["qwen3"]()
    series = CheckpointSeries.from_state_dicts(model, [model.state_dict()], tokenizer=tokenizer)
    found = sweep(series, progress=False)
    assert len(found.attrs["left_out"]) == len(OF_WEIGHTS)
    with pytest.raises(CheckpointError, match="Qwen3ForCausalLM"):
        sweep(series, "ov_copying", progress=False)


def test_what_would_take_long_is_left_out_but_not_refused(monkeypatch) -> None:
    model = as_model(bridge())
    chosen, left_out = choose_scores(None, model)
    assert "k_composition" in {score.name for score in chosen}
    monkeypatch.setattr("induction_kernels.scores.of_weights.scores._PATIENCE", 1e5)
    chosen, left_out = choose_scores(None, model)
    assert "takes about 1e+05 operations" in left_out["k_composition"]
    assert "k_composition" not in {score.name for score in chosen}
    assert choose_scores("k_composition", model) == ([SCORES["k_composition"]], {})
    assert head_scores(model, "k_composition")["k_composition"].shape == (2, 4)


def test_nan_weights_are_found() -> None:
    for name in OF_WEIGHTS:
        model = bridge()
        as_model(model)
        with torch.no_grad():
            model.state_dict()["blocks.0.attn.o.weight"][0, 0] = torch.nan
            model.state_dict()["blocks.1.attn.k.weight"][0, 0] = torch.nan
        if name == "qk_trace":
            assert not qk_trace(model, torch.ones(2, 4)).isfinite().all()
            continue
        with pytest.raises(InductionError, match=f"{name} of L.* is not a number"):
            head_scores(model, name)
