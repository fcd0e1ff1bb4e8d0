"""What attention depends on beyond queries, keys and mask is understood, or read another way."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers as t
from architectures import ARCHITECTURES, sharpened
from induction_kernels import attention_patterns, head_scores
from induction_kernels.attention.agreement import agreement_of
from induction_kernels.attention.interface import attending
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.errors import UnsupportedModelError
from small_models import HUGGING_FACE, VOCABULARY
from tiny import tiny
from torch import Tensor, nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaAttention, apply_rotary_pos_emb

_SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "max_position_embeddings": 128, "pad_token_id": None,
}  # fmt: skip
_GROUPED = _SHAPE | {"num_key_value_heads": 2}
_SPARSE = _SHAPE | {
    "num_key_value_heads": 4, "moe_intermediate_size": 16, "n_routed_experts": 4,
    "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "kv_lora_rank": 8, "q_lora_rank": 8,
    "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 12, "index_topk": 4,
    "index_head_dim": 16, "index_n_heads": 2,
}  # fmt: skip


class NextYears(LlamaAttention):
    """Attention whose scores tilt with the key's position, as no model of this year does.

    The tilt is an argument of the attention call, or, `silent`, known to its own attention only.
    """

    tilt: Tensor
    silent: bool

    def forward(self, hidden_states, position_embeddings=None, attention_mask=None, **_):  # type: ignore[override]
        shape = (*hidden_states.shape[:-1], -1, self.head_dim)
        q, k, v = (
            project(hidden_states).view(shape).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = apply_rotary_pos_emb(q, k, *position_embeddings)
        run = ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, _tilted)
        given = {} if self.silent else {"tilt": self.tilt}
        out, a = run(self, q, k, v, attention_mask, scaling=self.scaling, **given)
        return self.o_proj(out.flatten(2)), a


def _tilted(module, q, k, v, mask, scaling, **_):
    k, v = (x.repeat_interleave(module.num_key_value_groups, 1) for x in (k, v))
    s = q @ k.mT * scaling + mask + module.tilt * torch.arange(k.shape[2])
    a = s.softmax(-1)
    return (a @ v).transpose(1, 2), a


def next_years(
    tilt: float, silent: bool = False, implementation: str = "eager"
) -> t.LlamaForCausalLM:
    torch.manual_seed(0)
    config = t.LlamaConfig(**_GROUPED, attn_implementation=implementation)
    model = sharpened(t.LlamaForCausalLM(config))
    for layer in model.model.layers:
        layer.self_attn.__class__ = NextYears
        layer.self_attn.tilt = nn.Parameter(torch.tensor(tilt))
        layer.self_attn.silent = silent
    return model


def tokens(n: int = 30) -> Tensor:
    half = torch.randperm(VOCABULARY, generator=torch.Generator().manual_seed(1))[: n // 2]
    return half.repeat(2)[None]


def own_patterns(model: Any, ids: Tensor) -> Tensor:
    """What Transformers shows of the model's own attention, [layer * head, query, key]."""
    before = model.config._attn_implementation
    if model._can_set_attn_implementation():
        model.set_attn_implementation("eager")
    try:
        with torch.no_grad():
            return torch.cat([a[0] for a in model(ids, output_attentions=True).attentions])
    finally:
        if model._can_set_attn_implementation():
            model.set_attn_implementation(before)


def expect_own(model: Any, path: str) -> None:
    """Patterns and a score are those of the model's own attention, and so is the path."""
    ids, period = tokens(), 15
    own = own_patterns(model, ids)
    torch.testing.assert_close(attention_patterns(model, ids), own, atol=1e-5, rtol=0)
    found = head_scores(model, ["induction", "previous_token"], ids, period=period)
    second = range(period, 2 * period)
    for name, values in {
        "induction": [[float(a[q, q - period + 1]) for q in second] for a in own],
        "previous_token": [[float(a[q, q - 1]) for q in range(1, 30)] for a in own],
    }.items():
        means = [sum(row) / len(row) for row in values]
        assert found[name].values.ravel() == pytest.approx(means, abs=1e-5)
    assert found.attrs["attention"] == path


@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_an_unknown_argument_is_read_by_the_models_own_attention(tilt: float) -> None:
    """Whether it makes a difference with these weights or not."""
    model = next_years(tilt)
    expect_own(model, "hooked")
    with pytest.raises(DoesNotFitError, match="'tilt'"), attending(model, _never):
        model(tokens())


def _never(*_: object) -> Tensor:
    raise AssertionError("nothing should be attended to")


def test_a_term_that_is_not_handed_over_is_noticed_once_it_matters() -> None:
    model = next_years(0.0, silent=True)
    expect_own(model, "fused")
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.tilt.fill_(0.3)
    expect_own(model, "hooked")
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.tilt.fill_(0.0)
    expect_own(model, "fused")


def test_what_has_shown_is_not_compared_again() -> None:
    """Once no weight is all zeros or all ones; a checkpoint then costs no pass more."""
    model, passes = sharpened(HUGGING_FACE["llama"]()), []
    model.register_forward_hook(lambda *_: passes.append(1))

    def passes_with_weights_times(factor: float) -> int:
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(factor)
        passes.clear()
        attention_patterns(model, tokens())
        return len(passes)

    alone = passes_with_weights_times(1.0)
    alone = min(alone, passes_with_weights_times(1.0))
    assert passes_with_weights_times(1.1) > alone  # norms that were 1 are not
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.01 * torch.randn_like(weight))
    attention_patterns(model, tokens())
    assert passes_with_weights_times(1.1) == alone


def test_patterns_that_are_not_those_of_the_forward_pass_are_refused() -> None:
    """Its fused attention has no tilt, so what its eager attention shows is another model's."""
    with pytest.raises(UnsupportedModelError, match="other logits when it is asked for its patt"):
        attention_patterns(next_years(0.3, implementation="sdpa"), tokens())


def sparse(kind: str) -> Any:
    """DeepSeek-V3.2 and its kin look at the four keys that an indexer picked."""
    return getattr(t, f"{kind}ForCausalLM")(getattr(t, f"{kind}Config")(**_SPARSE))


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: sparse("DeepseekV32"), "hooked"),
        (lambda: t.GPTNeoForCausalLM(t.GPTNeoConfig(
            vocab_size=VOCABULARY, hidden_size=32, num_layers=2, num_heads=4,
            max_position_embeddings=64, attention_types=[[["global"], 2]],
        )), "hooked"),
        (lambda: t.BloomForCausalLM(t.BloomConfig(
            vocab_size=VOCABULARY, hidden_size=32, n_layer=2, n_head=4,
        )), "fused"),
        (HUGGING_FACE["gemma2"], "fused"),
        (ARCHITECTURES["gpt_oss"], "fused"),
    ],
    ids=["sparse index", "own code", "alibi", "soft cap", "sinks"],
)  # fmt: skip
def test_every_kind_is_its_own(make: Any, path: str) -> None:
    torch.manual_seed(0)
    model = sharpened(make())
    before = model.config._attn_implementation
    attention_patterns(model, tokens())
    assert model.config._attn_implementation == before
    assert not any(part._forward_hooks for part in model.modules())
    expect_own(model, path)


def test_scores_before_the_softmax_are_left_out_where_only_patterns_are_shown() -> None:
    model = next_years(0.3)
    found = head_scores(model)
    assert "induction" in found
    assert "induction_logit" not in found
    [why] = [why for why in found.attrs["left_out"] if why.startswith("induction_logit")]
    assert "'tilt'" in why
    with pytest.raises(UnsupportedModelError, match=r"before the softmax.*'tilt'"):
        head_scores(model, "induction_logit")
    assert "induction_logit" in head_scores(ARCHITECTURES["gpt_oss"]())


@pytest.mark.parametrize("name", ["MllamaForCausalLM", "NemotronHForCausalLM"])
def test_half_precision_with_logits_in_float32_is_no_disagreement(name: str) -> None:
    with torch.no_grad():
        found = agreement_of(tiny(name).bfloat16())
    assert found.handed_over is None
    assert found.shown is None


def test_an_implementation_that_cannot_be_set_anew_is_put_back() -> None:
    model = HUGGING_FACE["llama"]().eval()
    model.config._attn_implementation_internal = "of_a_library_that_is_gone"
    with attending(model, _never):
        assert model.config._attn_implementation == "induction_kernels"
    assert model.config._attn_implementation == "of_a_library_that_is_gone"
