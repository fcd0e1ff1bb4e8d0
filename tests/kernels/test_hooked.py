"""Attention read through hooks and through the attention interface is the model's own."""

from __future__ import annotations

import math

import pytest
import torch
from induction_kernels import as_model, attention_patterns, head_scores
from induction_kernels.attention.hooked import visit_attention
from small_models import VOCABULARY, bridge


def seen(model, tokens: torch.Tensor, scores: bool = True):
    patterns, pre_softmax = [], []

    def keep(layer, pattern, s):
        patterns.append(pattern)
        pre_softmax.append(s)

    logits = visit_attention(as_model(model), tokens, keep, scores=scores)
    return logits, patterns, pre_softmax


def tokens(batch: int = 2, n: int = 40) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (batch, n), generator=torch.Generator().manual_seed(0))


def reference_patterns(native, ids: torch.Tensor) -> list[torch.Tensor]:
    """The patterns of a TransformerLens-native attention-only model by its weights alone."""
    weights = {k.replace("._original_component", ""): v for k, v in native.state_dict().items()}
    cfg = native.cfg
    residual = weights["embed.weight"][ids] + weights["pos_embed.weight"][: ids.shape[1]]
    mask = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).triu(1)
    patterns = []
    for layer in range(cfg.n_layers):

        def linear(x, name, layer=layer):
            name = f"blocks.{layer}.attn.{name}"
            return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

        centred = residual - residual.mean(-1, keepdim=True)
        normal = centred / (centred.pow(2).mean(-1, keepdim=True) + cfg.eps).sqrt()
        ln = f"blocks.{layer}.ln1"
        normal = normal * weights[f"{ln}.weight"] + weights[f"{ln}.bias"]
        q, k, v = (
            linear(normal, name).unflatten(-1, (cfg.n_heads, cfg.d_head))
            for name in ("q", "k", "v")
        )
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(cfg.d_head)
        pattern = scores.masked_fill(mask, -math.inf).softmax(-1)
        patterns.append(pattern)
        residual = residual + linear(torch.einsum("bhqk,bkhd->bqhd", pattern, v).flatten(2), "o")
    return patterns


def test_a_native_bridge_against_its_weights() -> None:
    model, ids = bridge(), tokens()
    with torch.no_grad():
        expected = reference_patterns(model, ids)
    _, patterns, _ = seen(model, ids)
    for ours, theirs in zip(patterns, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"positional_embedding_type": "rotary"},
        {"n_key_value_heads": 2},
        {"attn_scores_soft_cap": 3.0},
        {"normalization_type": "RMS", "attn_only": False},
    ],
    ids=["plain", "rotary", "grouped", "soft cap", "with mlp"],
)
def test_scores_before_the_softmax_are_not_the_pattern(changes) -> None:
    """TransformerLens 4.3 fires a native bridge's hook_attn_scores with the pattern."""
    _, patterns, scores = seen(bridge(**changes), tokens())
    mask = torch.ones(40, 40, dtype=torch.bool).triu(1)
    for pattern, s in zip(patterns, scores, strict=True):
        remade = s.masked_fill(mask, -math.inf).softmax(-1)
        torch.testing.assert_close(remade, pattern, atol=1e-6, rtol=0)
        assert (s < 0).any()


def test_hugging_face_against_its_own_eager_attention(hugging_face) -> None:
    ids = tokens()
    before = hugging_face.config._attn_implementation
    logits, patterns, scores = seen(hugging_face, ids)
    assert hugging_face.config._attn_implementation == before
    hugging_face.set_attn_implementation("eager")
    with torch.no_grad():
        out = hugging_face(ids, output_attentions=True)
    torch.testing.assert_close(logits, out.logits, atol=1e-5, rtol=1e-5)
    for pattern, s, theirs in zip(patterns, scores, out.attentions, strict=True):
        torch.testing.assert_close(pattern, theirs, atol=1e-6, rtol=0)
        remade = s.masked_fill(pattern == 0, -math.inf).softmax(-1)
        torch.testing.assert_close(remade, pattern, atol=1e-6, rtol=0)


def test_a_bridge_and_the_model_it_wraps_agree(hugging_face) -> None:
    """Two ways in, one answer: TransformerLens' hooks and Transformers' attention interface."""
    import copy

    from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module

    wrapped = build_bridge_from_module(
        copy.deepcopy(hugging_face),
        architecture=type(hugging_face).__name__,
        hf_config=hugging_face.config,
    )
    names = ["induction", "previous_token", "first_token", "induction_logit"]
    period = 12
    r = torch.randperm(VOCABULARY - 1)[: 3 * period].reshape(3, period) + 1
    ids = torch.cat([torch.full((3, 1), 2), r, r], 1)
    ours = head_scores(hugging_face, names, ids, period=period)
    theirs = head_scores(wrapped, names, ids, period=period)
    for name in names:
        assert ours[name].values == pytest.approx(theirs[name].values, abs=1e-5)


def test_the_callers_model_is_left_as_it_was(hugging_face) -> None:
    for model in (hugging_face.train(), bridge().train()):
        before = {k: v.clone() for k, v in model.state_dict().items()}
        attention_patterns(model, tokens(1))
        head_scores(model, "induction")
        assert model.training
        assert all(module.training for module in model.modules())
        assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
        if hasattr(model, "hook_dict"):
            assert not any(point.fwd_hooks for point in model.hook_dict.values())


def test_patterns_of_chosen_heads_in_the_order_asked_for() -> None:
    model, ids = bridge(), tokens(1)
    every = attention_patterns(model, ids)
    assert every.shape == (8, 40, 40)
    some = attention_patterns(model, ids[0], heads=[(1, 2), (0, 3)])
    torch.testing.assert_close(some, every[[6, 3]])
