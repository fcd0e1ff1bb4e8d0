"""Attribution patching: against finite differences, hooks on the model's own attention, ablations
and weights whose answer is known."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from architectures import ARCHITECTURES
from hypothesis import given, settings
from hypothesis import strategies as st
from induction_kernels import (
    ablate_each,
    as_model,
    attribution_patching,
    compare_patching,
    head_scores,
    load_demo,
    sweep,
)
from induction_kernels.causes.intervene import Intervener, every_head
from induction_kernels.causes.patches import Patching
from induction_kernels.errors import (
    InductionError,
    ProbeError,
    PromptError,
    SelectionError,
    UnsupportedModelError,
)
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.inputs.tokenization import answer_token, prompt_tokens
from induction_kernels.scores.of_causes.estimate import estimate
from induction_kernels.scores.of_causes.metrics import answer_logit
from planted_induction import STRENGTH, planted_induction
from shaken_models import made, shaken
from small_models import VOCABULARY, bridge, wrapped
from tiny import tiny
from torch import Tensor

PERIOD = 6


def repeated(rows: int = 3, seed: int = 0) -> Tensor:
    """A token to begin with, then six twice."""
    generator = torch.Generator().manual_seed(seed)
    half = torch.stack(
        [torch.randperm(300, generator=generator)[:PERIOD] + 10 for _ in range(rows)]
    )
    return torch.cat([torch.full((rows, 1), 5), half, half], 1)


def moved(model: Any, patching: Patching, head: tuple[int, int], share: float) -> float:
    """The metric where a head gives its output moved by a share of the way to the baseline."""
    at, number = head
    intervener = Intervener(model, patching.tokens)
    z = intervener.clean.z[at][:, number]
    if isinstance(patching.instead, Tensor):
        other = Intervener(model, patching.instead).clean.z[at][:, number]
    else:
        other = z.mean((0, 1)) if patching.instead == "mean" else torch.zeros(())
    output = intervener.run({head: z + share * (other - z)})
    values = [
        patching.metric.of_row(replace(output, hidden=output.hidden[row][None]), tokens[None])
        for row, tokens in enumerate(patching.tokens)
    ]
    return float(torch.stack(values).mean().detach())


#: Their norms are in single precision whatever the model is in, so steps must be large.
IN_SINGLE = set(ARCHITECTURES) - {"gpt2", "gpt_neox", "bloom", "mpt", "phi", "opt"}


def in_double(kind: str) -> Any:
    """Where the model can be: mixtures of experts cannot."""
    return as_model(made(kind) if kind == "gpt_oss" else made(kind).double())


def slope(model: Any, patching: Patching, head: tuple[int, int], step: float) -> float:
    """By four points, with an error of the order of step⁴."""
    near, far = (
        moved(model, patching, head, one) - moved(model, patching, head, -one)
        for one in (step, 2 * step)
    )
    return (8 * near - far) / (12 * step)


@pytest.mark.parametrize("kind", ["gpt2", "gpt_neox", "llama", "gemma2", "gpt_oss", "mpt"])
@pytest.mark.parametrize("baseline", ["zero", "mean", "resample"])
def test_it_is_the_slope_that_small_steps_find(kind: str, baseline: str) -> None:
    """In double precision: groups, caps, windows, sinks and biases by distance among them."""
    model = in_double(kind)
    patching = Patching.of(model, repeated(), "second_copy_loss", baseline, period=PERIOD)
    found = patching.estimate(model)
    step, tolerance = (0.01, 2e-4) if kind in IN_SINGLE else (1e-5, 1e-7)
    for head in every_head(model):
        expected = slope(model, patching, head, step)
        assert float(found.change[head]) == pytest.approx(expected, abs=tolerance)
    assert float(found.change.abs().max()) > 0.05
    assert found.metric == pytest.approx(moved(model, patching, (0, 0), 0), abs=1e-6)


#: Where heads' outputs enter the projection that adds them to the stream.
OUT = {
    "gpt2": "transformer.h.{}.attn.c_proj",
    "gpt_neox": "gpt_neox.layers.{}.attention.dense",
    "llama": "model.layers.{}.self_attn.o_proj",
}


def by_hooks(kind: str, model: Any, tokens: Tensor) -> Tensor:
    """By the model's own eager attention, hooks on what enters W_O, and PyTorch's backward."""
    model = copy.deepcopy(model)
    model.set_attn_implementation("eager")
    entered: dict[int, Tensor] = {}

    def keep(layer: int, _module: Any, inputs: Any) -> None:
        inputs[0].retain_grad()
        entered[layer] = inputs[0]

    for layer in range(2):
        module = model.get_submodule(OUT[kind].format(layer))
        module.register_forward_pre_hook(lambda m, i, layer=layer: keep(layer, m, i))
    logits = model(input_ids=tokens).logits[:, 1 + PERIOD : -1]
    targets = tokens[:, 2 + PERIOD :]
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
    return torch.stack(
        [-(entered[la] * entered[la].grad).unflatten(-1, (4, -1)).sum((0, 1, 3)) for la in (0, 1)]
    ).detach()


@pytest.mark.parametrize("kind", OUT)
@pytest.mark.parametrize("as_bridge", [False, True])
def test_hooks_on_the_models_own_attention_find_the_same(kind: str, as_bridge: bool) -> None:
    model, tokens = made(kind), repeated()
    asked = wrapped(model) if as_bridge else model
    found = attribution_patching(asked, tokens, period=PERIOD)
    expected = by_hooks(kind, model, tokens)
    torch.testing.assert_close(torch.tensor(found.values).float(), expected, atol=2e-5, rtol=1e-3)
    assert float(expected.abs().max()) > 1e-3


@pytest.mark.parametrize("baseline", ["zero", "mean", "tokens"])
def test_where_nothing_bends_the_estimate_is_exact(baseline: str) -> None:
    """One layer, no norm, and a logit. (To resample changes nothing on the whole here: every row
    gives what another gets.)"""
    model = shaken(bridge(n_layers=1, normalization_type=None))
    tokens = repeated()
    other: Any = repeated(seed=5) if baseline == "tokens" else baseline
    found = compare_patching(
        model, tokens, metric="answer_logit", answer=7, baseline=other, top=None
    )
    np.testing.assert_allclose(found.exact_change, found.estimated_change, atol=2e-5)
    assert float(abs(found.exact_change).min()) > 1e-3
    assert found.attrs["pearson"] == pytest.approx(1) == found.attrs["spearman"]
    assert found.attrs["heads_measured"] == 4
    assert found.attrs["baseline"] == ("other tokens" if baseline == "tokens" else baseline)


@pytest.mark.parametrize("sign", [1, -1])
def test_of_a_planted_circuit_the_last_head_is_exact_and_its_feeder_missed(sign: int) -> None:
    """The induction head adds so many logits; it looks for what the previous-token head writes with
    a saturated softmax, so that nothing small moves it."""
    model, tokens, period = planted_induction(sign)

    def copied(logits: Tensor, row: Tensor) -> Tensor:
        asked = range(1 + period, 2 * period)
        return torch.stack([logits[0, q, row[0, q + 1]] for q in asked]).mean()

    found = compare_patching(model, tokens, metric=copied, top=None)
    assert found.attrs["metric"] == "copied"
    np.testing.assert_allclose(found.estimated_change, [[0, 0], [-sign * STRENGTH, 0]], atol=1e-4)
    assert float(found.exact_change[1, 0]) == pytest.approx(-sign * STRENGTH, abs=1e-4)
    # Without the feeder the head attends to all tokens alike.
    assert float(found.exact_change[0, 0]) * -sign > 0.5 * STRENGTH
    assert float(found.missed[0, 0]) == pytest.approx(float(found.exact_change[0, 0]), abs=1e-4)


def test_a_loss_that_is_near_zero_hides_the_head_that_keeps_it_there() -> None:
    model, tokens, period = planted_induction()
    found = compare_patching(model, tokens, period=period, top=None)
    assert found.attrs["metric_value"] < 0.1
    assert float(found.exact_change[1, 0]) > 4 * float(found.estimated_change[1, 0]) > 0


@pytest.mark.parametrize("kind", ["zero", "mean", "resample"])
def test_what_is_measured_is_what_ablating_each_head_finds(kind: Any) -> None:
    model = load_demo("attn-only-2l").load(-1)
    probe = RepeatedTokens.make(as_model(model))
    ablated = ablate_each(model, probe.tokens[:2], kind=kind)
    found = compare_patching(model, baseline=kind, top=3)
    measured = np.isfinite(found.exact_change)
    assert int(measured.sum()) == 3 == found.attrs["heads_measured"]
    exact = ablated.induction_loss.where(measured)
    np.testing.assert_allclose(found.exact_change, exact, atol=1e-4)
    sizes = abs(found.estimated_change)
    assert float(sizes.where(measured).min()) >= float(sizes.where(~measured).max())


def test_correlations_are_those_of_pandas() -> None:
    found = compare_patching(made("gpt2"), top=None)
    both = pd.DataFrame({name: found[name].to_numpy().ravel() for name in found.data_vars})
    for method in ("pearson", "spearman"):
        ranked = both.rank() if method == "spearman" else both
        expected = ranked["estimated_change"].corr(ranked["exact_change"])
        assert found.attrs[method] == pytest.approx(expected)
    assert np.isnan(compare_patching(made("gpt2"), top=2).attrs["pearson"])


@settings(max_examples=12, deadline=None)
@given(
    rows=st.integers(1, 5), length=st.integers(2, 9), batch=st.integers(1, 6),
    instead=st.sampled_from(["zero", "mean", "tokens"]),
)  # fmt: skip
def test_rows_may_be_run_in_any_batches(rows: int, length: int, batch: int, instead: Any) -> None:
    model = as_model(made("llama"))
    generator = torch.Generator().manual_seed(rows)
    tokens, other = torch.randint(1, VOCABULARY, (2, rows, length), generator=generator)
    instead = other if instead == "tokens" else instead
    metric = answer_logit(9)
    whole = estimate(model, tokens, metric, instead)
    parts = estimate(model, tokens, metric, instead, batch=batch)
    assert whole.change.shape == (2, 4)
    torch.testing.assert_close(parts.change, whole.change, atol=1e-5, rtol=1e-4)
    assert parts.metric == pytest.approx(whole.metric, abs=1e-5)
    if instead == "zero":
        alone = [estimate(model, row[None], metric).change for row in tokens]
        torch.testing.assert_close(torch.stack(alone).mean(0), whole.change, atol=1e-5, rtol=1e-4)


def test_tokens_that_are_the_same_change_nothing() -> None:
    tokens = repeated()
    found = attribution_patching(made("gpt2"), tokens, period=PERIOD, baseline=tokens)
    np.testing.assert_allclose(found, 0, atol=1e-6)


def test_a_function_of_ones_own_is_taken_as_the_metric_by_name() -> None:
    model, tokens = made("gpt2"), repeated()

    def loss(logits: Tensor, row: Tensor) -> Tensor:
        assert logits.shape == (1, 13, VOCABULARY)
        here = slice(1 + PERIOD, -1)
        return torch.nn.functional.cross_entropy(logits[0, here], row[0, 2 + PERIOD :])

    own, ours = (
        attribution_patching(model, tokens, metric=loss),
        attribution_patching(model, tokens, period=PERIOD),
    )
    np.testing.assert_allclose(own, ours, atol=1e-6)
    assert (own.attrs["metric"], own.attrs["units"]) == ("loss", "1")
    assert (ours.attrs["metric"], ours.attrs["units"]) == ("second_copy_loss", "nats")
    assert ours.name == "estimated_change"


def test_layers_without_attention_have_no_estimate() -> None:
    found = attribution_patching(tiny("JambaForCausalLM"), repeated() % 60 + 10, period=PERIOD)
    assert list(np.isfinite(found).all("head")) == [layer == 1 for layer in found.layer]


def test_a_prompt_and_its_answer() -> None:
    model = load_demo("attn-only-2l").load(-1)
    found = attribution_patching(model, "A B C A B", metric="answer_logit", answer=" C")
    assert found.attrs["units"] == "logits"
    assert found.shape == (2, 8)
    held = as_model(model)
    with torch.no_grad():
        last = model(prompt_tokens(held, "A B C A B"))[0, -1]
    own = float(last[answer_token(held, " C")])
    assert found.attrs["metric_value"] == pytest.approx(own, abs=1e-3)


def test_the_score_is_the_estimate_and_read_by_name_only() -> None:
    series = load_demo("attn-only-2l").select([0, -1])
    model = series.load(-1)
    scored = head_scores(model, ["patching_estimate"])
    np.testing.assert_allclose(scored.patching_estimate, attribution_patching(model), atol=1e-6)
    assert scored.patching_estimate.attrs["units"] == "nats"
    assert "estimated" in scored.patching_estimate.attrs["title"].lower()
    swept = sweep(series, scores=["induction", "patching_estimate"], progress=False)
    np.testing.assert_allclose(swept.patching_estimate[-1], scored.patching_estimate, atol=1e-5)
    assert "patching_estimate" not in head_scores(model).data_vars


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_the_model_is_left_as_it_was(around: Any) -> None:
    model = made("gpt2").train()
    frozen = model.transformer.wte.weight.requires_grad_(requires_grad=False)
    before = copy.deepcopy(model.state_dict())
    flags = [p.requires_grad for p in model.parameters()]
    with around():
        expected = torch.is_grad_enabled()
        found = attribution_patching(model, repeated(), period=PERIOD)
        assert torch.is_grad_enabled() == expected
    np.testing.assert_allclose(
        found, attribution_patching(model.eval(), repeated(), period=PERIOD), atol=1e-6
    )
    assert all(p.grad is None for p in model.parameters())
    assert flags == [p.requires_grad for p in model.parameters()]
    assert not frozen.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_training_goes_on_after_it_and_after_an_error_in_it() -> None:
    model = made("gpt2").train()

    def broken(_logits: Tensor, _row: Tensor) -> Tensor:
        raise KeyError("mine")

    with torch.no_grad(), pytest.raises(KeyError, match="mine"):
        attribution_patching(model, metric=broken)
    assert torch.is_grad_enabled()
    assert all(module.training for module in model.modules())
    assert model(input_ids=repeated()).logits.grad_fn is not None


def test_half_precision_is_near() -> None:
    model = made("llama")
    exact = attribution_patching(model, repeated(), period=PERIOD)
    half = attribution_patching(copy.deepcopy(model).bfloat16(), repeated(), period=PERIOD)
    assert float(abs(half - exact).max()) < 0.05 * float(abs(exact).max())


def test_weights_of_inference_mode_are_refused() -> None:
    with torch.inference_mode():
        model = made("gpt2")
    with pytest.raises(UnsupportedModelError, match=r"made in torch\.inference_mode"):
        attribution_patching(model)


def test_a_folded_bridge_is_refused_as_its_ablation_is() -> None:
    folded = wrapped(made("gpt2"))
    folded.enable_compatibility_mode(disable_warnings=True)
    with pytest.raises(UnsupportedModelError, match=r"cannot be caught: .*TransformerBridge"):
        attribution_patching(folded)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    ("asked", "error", "match"),
    [
        ({"metric": "loss"}, SelectionError, "There is no metric 'loss'.*second_copy_loss"),
        ({"baseline": "noise"}, SelectionError, "There is no baseline 'noise'.*zero, mean"),
        ({"metric": "answer_logit"}, SelectionError, "needs an answer"),
        ({"answer": 3}, SelectionError, "no other takes one"),
        ({"metric": "answer_logit", "answer": 3}, PromptError, "without a prompt"),
        ({"tokens": repeated()}, SelectionError, "need their period"),
        ({"period": 6}, SelectionError, "no tokens were given"),
        ({"tokens": repeated() * 0 + 400, "period": 6}, ProbeError, "outside the vocabulary"),
        ({"tokens": repeated(), "period": 5}, ProbeError, "do not repeat"),
        ({"tokens": repeated(), "period": 6, "baseline": repeated(2)}, SelectionError, "as many"),
        ({"tokens": repeated(1), "period": 6, "baseline": "resample"}, SelectionError, "two rows"),
        (
            {"tokens": repeated(), "metric": "answer_logit", "answer": 999},
            ProbeError, "outside the vocabulary",
        ),
        ({"metric": lambda logits, _: logits.mean((0, 1))}, SelectionError, r"shape \(320,\)"),
        ({"metric": lambda *_: 3.0}, SelectionError, "gave 3.0"),
        ({"metric": lambda logits, _: logits.max().detach()}, SelectionError, "differentiated"),
        ({"metric": lambda logits, _: logits.argmax()}, SelectionError, "differentiated"),
        ({"metric": lambda logits, _: logits.sum() / 0}, InductionError, "is (-?inf|nan)"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(asked: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        attribution_patching(made("gpt2"), **asked)


@pytest.mark.unchecked
@pytest.mark.parametrize("top", [0, -1, 2.5, True, "all"])
def test_a_number_of_heads_that_is_none_is_refused(top: Any) -> None:
    with pytest.raises(SelectionError, match="whole number of heads"):
        compare_patching(made("gpt2"), top=top)


def test_weights_that_overflow_give_no_number() -> None:
    model = made("gpt2")
    with torch.no_grad():
        model.transformer.h[1].mlp.c_fc.weight.fill_(float("nan"))
    with pytest.raises(InductionError, match="no finite derivative"):
        attribution_patching(model)


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(ARCHITECTURES))
def test_every_architecture_has_slopes(kind: str) -> None:
    model = in_double(kind)
    patching = Patching.of(model, repeated(), "second_copy_loss", "zero", period=PERIOD)
    step, tolerance = (0.01, 2e-4) if kind in IN_SINGLE else (1e-5, 1e-7)
    expected = slope(model, patching, (0, 1), step)
    assert float(patching.estimate(model).change[0, 1]) == pytest.approx(expected, abs=tolerance)
