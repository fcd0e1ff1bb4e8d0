"""Layers below an ablated head are run again where more of them than the residual is needed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers
from induction_kernels import ablate, as_model, head_scores, token_losses
from induction_kernels.causes.intervene import Intervener
from packaging.version import Version
from tiny import VOCABULARY, tiny

#: Upper layers take keys and values of lower ones; or look back at what lower blocks gave.
MODELS: dict[str, dict[str, Any]] = {
    "Gemma3nForCausalLM": {},
    "Gemma4ForCausalLM": {},
    "Inkling2ForCausalLM": {
        "layer_types": ["hybrid_sliding", "hybrid"] * 2,
        "num_hidden_layers": 4,
        "n_layers_per_attn_res_block": 1,
    },
    "LlamaForCausalLM": {"num_hidden_layers": 4},
}


def rows() -> torch.Tensor:
    return torch.randint(3, VOCABULARY, (3, 12), generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("layer", [1, 3])
def test_ablating_is_zeroing_weights(name: str, layer: int) -> None:
    if name == "Inkling2ForCausalLM" and Version(transformers.__version__) >= Version("5.24"):
        pytest.skip("its blocks attend to blocks there, and ablation is refused in words")
    module, without = tiny(name, **MODELS[name]), tiny(name, **MODELS[name])
    with torch.no_grad():
        without.model.layers[layer].self_attn.o_proj.weight[:, 8:16] = 0
    change = (token_losses(without, rows()) - token_losses(module, rows())).mean()
    found = ablate(module, [(layer, 1)], rows(), controls=1)
    assert abs(float(change)) > 1e-4
    assert found.loss_change == pytest.approx(float(change), abs=1e-5)


def test_a_body_that_computes_the_last_position_only_is_run_whole() -> None:
    """Gemma 4's upper layers do, where no more than its logits are asked for."""
    module = tiny("Gemma4ForCausalLM")
    with torch.no_grad():
        logits = module(rows(), use_cache=False).logits[:, :-1]
    own = torch.nn.functional.cross_entropy(logits.transpose(1, 2), rows()[:, 1:], reduction="none")
    torch.testing.assert_close(token_losses(module, rows()), own, atol=1e-5, rtol=0)
    half = torch.randperm(VOCABULARY - 3)[:6] + 3
    found = head_scores(tiny("Gemma4ForCausalLM"), "induction", half.repeat(2)[None], period=6)
    assert found.attrs["attention"] == "fused"


def test_plain_layers_are_skipped() -> None:
    module = tiny("LlamaForCausalLM", num_hidden_layers=4)
    intervener = Intervener(as_model(module), rows())
    intervener.run({(3, 1): torch.zeros(())})
    run: list[int] = []
    for index, layer in enumerate(module.model.layers):
        layer.mlp.register_forward_hook(lambda *_, index=index: run.append(index))
    intervener.run({(3, 2): torch.zeros(())})
    assert run == [3]
