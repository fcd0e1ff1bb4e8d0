"""What explorers and sweeps run of a bundled series gives what TransformerLens' model gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from induction_kernels import (
    Model,
    ablate_each,
    as_model,
    attention_patterns,
    head_scores,
    load_demo,
    token_losses,
    top_predictions,
    wiring,
)
from induction_kernels.demo import DEMOS
from transformer_lens.model_bridge import TransformerBridge
from two_paths import difference

PROMPT = "def f(x): return x\ndef f(x): return"


def both(name: str, index: int) -> tuple[Model, Model]:
    """TransformerLens' model of a checkpoint, and ours."""
    series = load_demo(name)
    return series.model(index), series.replica(private=True).model(index)


@pytest.mark.parametrize("name", DEMOS)
@pytest.mark.parametrize("index", [0, 16, -1])
def test_all_scores_are_those_of_transformer_lens(name: str, index: int) -> None:
    theirs, ours = map(head_scores, both(name, index))
    assert set(theirs) == set(ours) > {"induction", "induction_logit", "k_composition", "copying"}
    off = {
        score: np.abs(theirs[score] - ours[score]).max().item() / max(1, abs(theirs[score]).max())
        for score in theirs
    }
    assert max(off.values()) <= 1e-6, off
    assert ours.attrs == theirs.attrs


@pytest.mark.parametrize("name", DEMOS)
def test_patterns_losses_and_predictions_are_those_of_transformer_lens(name: str) -> None:
    theirs, ours = both(name, -1)
    tokens = torch.arange(96).reshape(2, 48) * 5
    for of in (
        lambda model: attention_patterns(model, tokens[:1]),
        lambda m: token_losses(m, tokens),
    ):
        assert float((of(theirs) - of(ours)).abs().max()) <= 3e-6
    expected, found = (top_predictions(model, PROMPT, answer=" x") for model in (theirs, ours))
    assert found.answer_rank == expected.answer_rank
    assert list(found.ids) == list(expected.ids)


@pytest.mark.slow
def test_causes_are_those_of_transformer_lens() -> None:
    theirs, ours = both("attn-only-2l", -1)
    for of in (ablate_each, lambda model: wiring(model, (1, 0))):
        expected, found = of(theirs), of(ours)
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], atol=3e-6)


def test_ours_attends_alike_fused_and_written_out() -> None:
    _, ours = both("attn-only-3l", -1)
    assert difference(ours) <= 1e-5


def test_whoever_asks_for_a_model_gets_one_of_transformer_lens() -> None:
    series = load_demo()
    assert isinstance(series.load(-1), TransformerBridge)
    assert isinstance(series.replica().load(-1), TransformerBridge)
    assert isinstance(series.select([0]).to(dtype=torch.bfloat16).load(0), TransformerBridge)


def test_ours_may_be_of_another_dtype() -> None:
    series = load_demo().to(dtype=torch.bfloat16).replica(private=True)
    assert series.model(-1).dtype == torch.bfloat16
    found = head_scores(series.model(-1), "induction")["induction"]
    exact = head_scores(as_model(load_demo().load(-1)), "induction")["induction"]
    assert float(np.abs(found - exact).max()) < 0.03
