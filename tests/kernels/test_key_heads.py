"""Which heads share keys and values, against the model itself."""

from __future__ import annotations

import pytest
import torch
from induction_kernels import as_model, attention_patterns
from small_models import bridge, wrapped
from tiny import tiny
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

LAYERS, HEADS, D_HEAD = 2, 6, 4
TOKENS = torch.arange(7)[None]


def llama(key_heads: int) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=20, hidden_size=HEADS * D_HEAD, intermediate_size=16, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=key_heads, max_position_embeddings=32,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def patterns(model: LlamaForCausalLM, layer: int) -> Tensor:
    return attention_patterns(model, TOKENS, [(layer, head) for head in range(HEADS)])


@pytest.mark.parametrize("key_heads", [1, 2, 3, 6])
def test_changing_one_key_changes_the_patterns_of_exactly_the_heads_said(key_heads: int) -> None:
    model = llama(key_heads)
    assert as_model(model).key_heads == (key_heads,) * LAYERS
    layer = LAYERS - 1
    before = patterns(model, layer)
    weight = model.model.layers[layer].self_attn.k_proj.weight
    for shared in range(key_heads):
        rows = slice(shared * D_HEAD, (shared + 1) * D_HEAD)
        with torch.no_grad():
            kept = weight[rows].clone()
            weight[rows] *= -3
        change = (patterns(model, layer) - before).abs().amax((-2, -1))
        with torch.no_grad():
            weight[rows] = kept
        said = [head for head in range(HEADS) if head * key_heads // HEADS == shared]
        assert [head for head in range(HEADS) if change[head] > 1e-4] == said


def test_the_attention_is_believed_and_not_the_configuration() -> None:
    big_code = tiny("GPTBigCodeForCausalLM")
    assert big_code.config.num_key_value_heads == 2
    assert big_code.transformer.h[0].attn.c_attn.out_features == 32 + 2 * 8  # one key, one value
    assert as_model(big_code).key_heads == (1, 1)


def test_layers_may_share_in_different_ways() -> None:
    model = tiny("MiMoV2FlashForCausalLM")
    projections = [layer.self_attn.k_proj.out_features for layer in model.model.layers]
    assert projections == [2 * 8, 4 * 8]
    assert as_model(model).key_heads == (2, 4)


def test_nothing_is_claimed_where_attention_is_not_handed_over() -> None:
    assert as_model(tiny("FalconForCausalLM")).key_heads == (0, 0)


def test_bridges_say_the_same_as_what_they_wrap() -> None:
    assert as_model(wrapped(llama(2))).key_heads == (2, 2)
    own = as_model(bridge())
    assert set(own.key_heads) == {own.n_heads}


def test_what_has_to_be_known_of_a_model_says_it_where_heads_share() -> None:
    assert as_model(llama(3)).provenance()["key_heads"] == "3 3"
    assert "key_heads" not in as_model(llama(6)).provenance()
