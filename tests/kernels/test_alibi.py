"""BLOOM, MPT and the Falcons of RefinedWeb: read like any other model, by fused attention."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers as t
from architectures import sharpened
from induction_kernels import (
    ablate,
    as_model,
    attention_patterns,
    head_scores,
    token_losses,
    wiring,
)
from induction_kernels.attention.agreement import agreement_of
from induction_kernels.attention.hooked import visit_attention
from induction_kernels.attention.interface import attending
from induction_kernels.attention.kernels import Softmax, attention
from induction_kernels.causes.intervene import Intervener
from induction_kernels.errors import ProbeError
from induction_kernels.inputs.probes import RepeatedTokens
from small_models import VOCABULARY, wrapped
from torch import Tensor

PERIOD = 12
TEXT = torch.randint(1, VOCABULARY, (3, 70), generator=torch.Generator().manual_seed(0))


def bloom(**changes: Any) -> Any:
    shape = {"vocab_size": VOCABULARY, "hidden_size": 48, "n_layer": 3, "n_head": 6}
    return t.BloomForCausalLM(t.BloomConfig(**(shape | changes)))


def mpt(**changes: Any) -> Any:
    shape = {"vocab_size": VOCABULARY, "d_model": 48, "n_layers": 3, "n_heads": 6}
    attention = {"attn_config": changes} if changes else {}
    return t.MptForCausalLM(t.MptConfig(**shape, max_seq_len=128, **attention))


def falcon(**changes: Any) -> Any:
    shape = {
        "vocab_size": VOCABULARY, "hidden_size": 48, "num_hidden_layers": 3,
        "num_attention_heads": 6, "alibi": True, "multi_query": False, "parallel_attn": False,
        "bias": True,
    }  # fmt: skip
    return t.FalconForCausalLM(t.FalconConfig(**(shape | changes)))


MODELS = {
    "bloom": bloom,
    "bloom, norms in the stream": lambda: bloom(apply_residual_connection_post_layernorm=True),
    "bloom, of slices": lambda: bloom(pretraining_tp=2, slow_but_exact=True),
    "mpt": mpt,
    "mpt, clipped": lambda: mpt(clip_qkv=0.5),
    "mpt, of another scale": lambda: mpt(softmax_scale=0.1, alibi_bias_max=4),
    "falcon": falcon,
    "falcon, one key": lambda: falcon(multi_query=True, parallel_attn=True, bias=False),
}


def make(kind: str) -> Any:
    torch.manual_seed(0)
    return sharpened(sharpened(MODELS[kind]()))


def repeated(rows: int = 2) -> Tensor:
    half = torch.randint(1, VOCABULARY, (rows, PERIOD), generator=torch.Generator().manual_seed(1))
    return half.repeat(1, 2)


def why_not(module: Any) -> str | None:
    """Why fused attention does not read it."""
    with torch.no_grad():
        return agreement_of(module).handed_over


def own_logits(module: Any, tokens: Tensor) -> Tensor:
    with torch.no_grad():
        return module(input_ids=tokens).logits


@pytest.mark.parametrize("kind", MODELS)
def test_it_is_read_by_fused_attention_and_ends_in_its_own_logits(kind) -> None:
    module, tokens = make(kind), repeated(3)
    assert why_not(module) is None
    seen: list[Softmax] = []

    def attend(_layer: int, q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> Tensor:
        seen.append(softmax)
        return attention(q, k, v, softmax)[0]

    with torch.no_grad(), attending(module, attend):
        ours = module(input_ids=tokens, use_cache=False).logits
    torch.testing.assert_close(ours, own_logits(module, tokens), atol=1e-4, rtol=1e-4)
    assert all(softmax.bias is not None for softmax in seen)
    found = head_scores(module, tokens=tokens, period=PERIOD)
    assert found.attrs["attention"] == "fused"
    assert {"induction_logit", "previous_token_logit", "entropy"} <= set(found)


@pytest.mark.parametrize("kind", ["bloom", "mpt"])
def test_scores_are_those_of_transformer_lens(kind) -> None:
    """Whose bridge computes the bias and the scores before the softmax in code of its own."""
    module, tokens = make(kind), repeated()
    ours = head_scores(module, tokens=tokens, period=PERIOD)
    bridge = wrapped(module).eval()
    patterns, scores = [], []

    def visit(_layer: int, pattern: Tensor, before: Tensor | None) -> None:
        assert before is not None
        patterns.append(pattern)
        scores.append(before)

    visit_attention(as_model(bridge), tokens, visit, scores=True)
    second = torch.arange(PERIOD, 2 * PERIOD)
    for layer, (pattern, before) in enumerate(zip(patterns, scores, strict=True)):
        for name, cells in {"induction": pattern, "induction_logit": before}.items():
            theirs = cells[:, :, second, second - PERIOD + 1].mean((0, 2))
            found = torch.tensor(ours[name].values[layer])
            if name.endswith("logit"):  # the softmax leaves open what a row is shifted by
                before_it = cells[:, :, second, second - PERIOD].mean((0, 2))
                theirs = theirs - before_it
                found = found - torch.tensor(ours["duplicate_token_logit"].values[layer])
            torch.testing.assert_close(found, theirs, atol=1e-4, rtol=1e-4)
    by_bridge = head_scores(bridge, tokens=tokens, period=PERIOD)
    assert by_bridge.attrs["attention"] == "fused"
    assert by_bridge["induction"].values == pytest.approx(ours["induction"].values, abs=1e-5)


def columns(module: Any, layer: int, head: int) -> Tensor:
    """Of W_O, what a head writes by: views into the model's own."""
    names = ("self_attention.dense", "attn.out_proj")
    blocks = module.base_model.h if hasattr(module.base_model, "h") else module.base_model.blocks
    part = next(p for n, p in blocks[layer].named_modules() if n in names)
    return part.weight.data.unflatten(1, (6, -1))[:, head]


@pytest.mark.parametrize("kind", MODELS)
def test_a_head_that_is_ablated_writes_nothing(kind) -> None:
    module, head = make(kind), (1, 4)
    expected_before = token_losses(module, TEXT).nanmean()
    found = ablate(module, [head], TEXT, controls=0)
    columns(module, *head).zero_()
    expected = token_losses(module, TEXT).nanmean() - expected_before
    assert found.loss_change == pytest.approx(float(expected), abs=1e-5)
    assert abs(found.loss_change) > 1e-4


@pytest.mark.parametrize("kind", MODELS)
def test_a_pass_begins_above_what_an_ablation_leaves_as_it_was(kind) -> None:
    model, taken = as_model(make(kind)), {(2, 1): torch.zeros(())}
    above, whole = Intervener(model, TEXT), Intervener(model, TEXT)
    whole.clean.trunk.entering.clear()
    assert above._trunk_above(2).start == 2
    found = above.run(taken).logits()
    torch.testing.assert_close(found, whole.run(taken).logits(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["bloom", "mpt", "falcon"])
def test_wiring_says_what_a_head_below_does_to_one_above(kind) -> None:
    module, below, above = make(kind), (0, 3), (2, 1)
    found = wiring(module, above)
    probe = RepeatedTokens.make(as_model(module))
    columns(module, *below).zero_()
    without = head_scores(module, ["induction"], probe.tokens, period=probe.period)
    change = float(without["induction"][above]) - float(found.induction)
    assert float(found.effect[below]) == pytest.approx(change, abs=1e-6)
    assert abs(change) > 1e-5


@pytest.mark.parametrize("kind", ["bloom", "mpt"])
def test_padding_is_refused(kind) -> None:
    """Though the model itself could count from where a mask begins."""
    module = make(kind)
    module.config.pad_token_id = 0
    tokens = repeated()
    tokens[1, :3] = 0
    with pytest.raises(ProbeError, match="Row 1 has padding"):
        token_losses(module, tokens)
    masked = token_losses(module, tokens, attention_mask=tokens != 0)
    alone = token_losses(module, tokens[1:, 3:])
    torch.testing.assert_close(masked[1, 3:].nan_to_num(), alone[0].nan_to_num(), atol=1e-5, rtol=0)


def test_an_attention_that_is_more_than_what_is_known_is_read_by_itself() -> None:
    """Such as of code of next year under the same name."""
    module = make("bloom")
    for block in module.transformer.h:
        block.self_attention.inv_norm_factor *= 1.5
        own = type(block.self_attention).forward

        def sharper(*args: Any, part: Any = block.self_attention, own: Any = own, **kw: Any) -> Any:
            out, pattern = own(part, *args, **kw)
            return 1.5 * out, pattern

        block.self_attention.forward = sharper
    why = why_not(module)
    assert why is not None
    assert "logits are others" in why
    assert block.self_attention.forward is sharper
    tokens = repeated(1)
    with torch.no_grad():
        expected = torch.cat(module(input_ids=tokens, output_attentions=True).attentions)
    torch.testing.assert_close(attention_patterns(module, tokens), expected.flatten(0, 1))
    assert head_scores(module, ["induction"]).attrs["attention"] == "hooked"
    assert block.self_attention.forward is sharper


def test_a_falcon_that_rotates_is_read_by_its_own_attention() -> None:
    torch.manual_seed(0)
    module = sharpened(falcon(alibi=False))
    assert "rotates" in str(why_not(module))
    assert head_scores(module, ["induction"]).attrs["attention"] == "hooked"
