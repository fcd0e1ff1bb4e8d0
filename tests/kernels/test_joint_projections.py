"""Bridges that keep a joint projection of the wrapped model and its parts, each in their own right.

GPT-2 has queries, keys and values beside each other, Pythia head by head, Phi-3 groups of heads and
a joint projection of its MLP, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from architectures import ARCHITECTURES
from induction_kernels import CheckpointSeries, ablate, as_model, attention_patterns, head_scores
from induction_kernels.attention.hooked import visit_attention
from induction_kernels.checkpoints import series_of
from induction_kernels.errors import CheckpointError
from induction_kernels.models.joint import clean, joints_of
from small_models import VOCABULARY, wrapped
from tiny import tiny
from torch import Tensor

KINDS = ("gpt2", "gpt_neox", "phi3")
TOKENS = torch.tensor([[3, 1, 4, 11, 5, 9, 3, 1, 4, 11, 5, 9]])
TEXT = torch.randint(1, VOCABULARY, (3, 70), generator=torch.Generator().manual_seed(0))
Weights = dict[str, Tensor]


def three(kind: str) -> list[Any]:
    """Hugging Face models of one kind with different weights, patterns far from uniform."""
    found = []
    for seed in range(3):
        torch.manual_seed(seed)
        model = ARCHITECTURES[kind]().eval()
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.3 * torch.randn_like(weight))
        found.append(model)
    return found


def copied(weights: Mapping[str, Tensor]) -> Weights:
    return {name: weight.detach().clone() for name, weight in weights.items()}


def published(model: Any) -> Weights:
    return copied(model.state_dict())


def of_a_bridge(model: Any) -> Weights:
    return copied(wrapped(model).state_dict())


def half_each(model: Any) -> Weights:
    """The first layer's attention under the bridge's names, the rest under the published ones."""
    theirs, ours = published(model), of_a_bridge(model)
    first = {n: w for n, w in ours.items() if n.startswith("blocks.0.attn.")}
    joint = ("c_attn", "query_key_value", "qkv_proj")
    others = {
        n: w for n, w in theirs.items() if ".0." not in n or not any(part in n for part in joint)
    }
    return others | first


def by_its_own_forward(bridge: Any) -> Tensor:
    seen: list[Tensor] = []
    visit_attention(as_model(bridge), TOKENS, lambda _, pattern, __: seen.append(pattern[0]))
    return torch.cat(seen)


#: How many weights and biases two layers have joint.
JOINTS = {
    "GPT2LMHeadModel": 4,
    "GPTNeoXForCausalLM": 4,
    "Phi3ForCausalLM": 4,
    "BloomForCausalLM": 4,
    "MptForCausalLM": 2,
    "FalconForCausalLM": 2,
    "CodeGenForCausalLM": 2,
    "OpenAIGPTLMHeadModel": 4,
    "GPTBigCodeForCausalLM": 4,
    "GlmForCausalLM": 2,
    "LlamaForCausalLM": 0,
}


@pytest.mark.parametrize("name", JOINTS)
def test_parts_and_whole_say_the_same_of_each_other(name) -> None:
    """However a bridge takes the projection apart."""
    model = wrapped(tiny(name)).original_model
    tensors = {clean(n): tensor for n, tensor in model.state_dict(keep_vars=True).items()}
    joints = joints_of(model)
    assert len(joints) == JOINTS[name]
    for joint in joints:
        whole = tensors[joint.whole]
        for part in joint.parts:
            assert torch.equal(joint.part(part, whole), tensors[part])
        assert torch.equal(joint.joined({part: tensors[part] for part in joint.parts}), whole)


@pytest.mark.parametrize("names", [published, of_a_bridge, half_each])
@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_is_read_under_either_kind_of_names(kind, names) -> None:
    """Through the bridge's own forward pass as through ours: both hold the same checkpoint."""
    models = three(kind)
    series = CheckpointSeries.from_state_dicts(wrapped(models[0]), [names(m) for m in models])
    for index in (2, 0, 1):
        loaded, alone = series.load(index), models[index]
        expected = attention_patterns(alone, TOKENS)
        torch.testing.assert_close(attention_patterns(loaded, TOKENS), expected)
        torch.testing.assert_close(by_its_own_forward(loaded), expected)
        assert head_scores(loaded, ["induction"], TOKENS, period=6).attrs["attention"] == "fused"
        taken, expected = (ablate(m, [(1, 2)], TEXT, controls=0) for m in (loaded, alone))
        assert taken.loss_change == pytest.approx(expected.loss_change, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_what_leaves_a_part_as_it_is_is_refused_by_name(kind) -> None:
    first, second, _ = three(kind)
    for names, left_out in (
        (of_a_bridge, "blocks.1.attn.k.weight"),
        (half_each, "blocks.0.attn.v.weight"),
    ):
        weights = names(second)
        del weights[left_out]
        series = CheckpointSeries.from_state_dicts(wrapped(first), [published(first), weights])
        before = copied(series.load(0).original_model.state_dict())
        with pytest.raises(CheckpointError, match=rf"lacks '{left_out}'\. Names there"):
            series.load(1)
        after = series.load(0).original_model.state_dict()
        assert all(torch.equal(after[name], weight) for name, weight in before.items())


@pytest.mark.parametrize("kind", KINDS)
def test_a_joint_projection_left_out_is_refused(kind) -> None:
    first, second, _ = three(kind)
    weights = published(second)
    [name] = [n for n in weights if ".0." in n and n.endswith(JOINT[kind])]
    del weights[name]
    series = CheckpointSeries.from_state_dicts(wrapped(first), [weights])
    with pytest.raises(CheckpointError, match=r"lacks 'blocks\.0\.attn\.k\.weight'\. 2 more"):
        series.load(0)


JOINT = {
    "gpt2": "c_attn.weight",
    "gpt_neox": "query_key_value.weight",
    "phi3": "qkv_proj.weight",
}


@pytest.mark.parametrize("kind", KINDS)
def test_both_names_of_one_weight_must_bring_one_value(kind) -> None:
    first, second, _ = three(kind)
    both = published(second) | of_a_bridge(second)
    series = CheckpointSeries.from_state_dicts(wrapped(first), [both])
    torch.testing.assert_close(
        attention_patterns(series.load(0), TOKENS), attention_patterns(second, TOKENS)
    )
    both["blocks.1.attn.v.weight"][5] += 0.1
    series = CheckpointSeries.from_state_dicts(wrapped(first), [both])
    with pytest.raises(CheckpointError, match=rf"{JOINT[kind]}' and '.*attn\.v\.weight' differ"):
        series.load(0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_series_knows_its_checkpoint_in_a_bridge(kind) -> None:
    models = three(kind)
    series = CheckpointSeries.from_state_dicts(wrapped(models[0]), [published(m) for m in models])
    loaded = series.load(1)
    assert series_of(loaded)[1] == 1
    with torch.no_grad():
        loaded.blocks[1].attn.k.weight[0, 0] += 1
    assert series_of(loaded) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", ["q", "v"])
def test_a_bridge_that_was_trained_is_read_as_its_own_forward_pass_reads_it(kind, part) -> None:
    """Which multiplies by the parts; the joint projection may have been left behind."""
    bridge = wrapped(three(kind)[0]).eval()
    attention_patterns(bridge, TOKENS)
    with torch.no_grad():
        getattr(bridge.blocks[0].attn, part).weight.add_(
            0.3 * torch.randn(32 if kind != "phi3" or part == "q" else 16, 32)
        )
    expected = by_its_own_forward(bridge)
    torch.testing.assert_close(attention_patterns(bridge, TOKENS), expected)
    copy = CheckpointSeries.single(as_model(bridge))
    torch.testing.assert_close(attention_patterns(copy.load(0), TOKENS), expected)
