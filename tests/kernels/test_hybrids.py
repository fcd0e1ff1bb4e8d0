"""Models of which some layers do not attend: their rows are empty, and named so."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from induction_kernels import (
    ablate,
    ablate_each,
    as_model,
    attention_patterns,
    head_scores,
    token_losses,
)
from induction_kernels.errors import SelectionError, UnsupportedModelError
from tiny import HEADS, tiny

#: The layers that attend, by model; the others are state-space or recurrent.
ATTENDING = {
    "JambaForCausalLM": [1],
    "Qwen3NextForCausalLM": [1],
    "RecurrentGemmaForCausalLM": [2],
    "Zamba2ForCausalLM": [1, 3],
}
PERIOD = 6


def rows(count: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    half = [torch.randperm(60, generator=generator)[:PERIOD] + 10 for _ in range(count)]
    return torch.stack(half).repeat(1, 2)


def own_patterns(module, ids: torch.Tensor) -> list[torch.Tensor]:
    before = module.config._attn_implementation
    module.config._attn_implementation_internal = "eager"
    try:
        with torch.no_grad():
            shown = module(ids, output_attentions=True, use_cache=False).attentions
    finally:
        module.config._attn_implementation_internal = before
    return [a for a in shown if a is not None and a.shape[-1] == ids.shape[1]]


@pytest.mark.parametrize("name", ATTENDING)
def test_layers_without_attention_are_empty_rows(name: str) -> None:
    module, ids = tiny(name), rows()
    scores = ["induction", "previous_token"]
    found = head_scores(module, scores, ids, period=PERIOD)
    empty = [la for la in range(len(found["layer"])) if la not in ATTENDING[name]]
    assert found.attrs["layers_without_attention"] == ", ".join(map(str, empty))
    own = own_patterns(module, ids)
    for values in (found[score].values for score in scores):
        assert np.isnan(values[empty]).all()
    for layer, a in zip(ATTENDING[name], own, strict=True):
        previous = a[:, :, range(1, 12), range(11)].mean((0, 2))
        assert found["previous_token"][layer].values == pytest.approx(previous.numpy(), abs=1e-5)
        induction = a[:, :, range(6, 12), range(1, 7)].mean((0, 2))
        assert found["induction"][layer].values == pytest.approx(induction.numpy(), abs=1e-5)
    every = attention_patterns(module, ids[:1])
    torch.testing.assert_close(every, torch.cat([a[0] for a in own]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ATTENDING)
def test_a_head_where_there_is_no_attention_does_not_exist(name: str) -> None:
    model = as_model(tiny(name))
    layers = ", ".join(map(str, ATTENDING[name]))
    said = rf"Layer 0 .* no attention.*: {layers}\."
    with pytest.raises(SelectionError, match=said):
        attention_patterns(model, rows(1), heads=[(0, 1)])
    with pytest.raises(SelectionError, match=said):
        ablate(model, [(0, 1)], rows())


def test_ablating_each_head_leaves_empty_rows() -> None:
    module, ids = tiny("Qwen3NextForCausalLM"), rows()
    found = ablate_each(module, ids)
    assert np.isnan(found["loss"][0].values).all()
    for head in range(HEADS):
        without = tiny("Qwen3NextForCausalLM")
        with torch.no_grad():
            without.model.layers[1].self_attn.o_proj.weight[:, 8 * head : 8 * head + 8] = 0
        change = (token_losses(without, ids) - token_losses(module, ids)).mean()
        assert float(found["loss"][1, head]) == pytest.approx(float(change), abs=1e-5)


@pytest.mark.parametrize("name", ATTENDING)
def test_hybrids_are_read_fused(name: str) -> None:
    found = head_scores(tiny(name), "induction", rows(), period=PERIOD)
    assert found.attrs["attention"] == "fused"


def test_a_model_without_any_attention_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match=r"no attention heads.*State-space"):
        as_model(tiny("MambaForCausalLM"))
