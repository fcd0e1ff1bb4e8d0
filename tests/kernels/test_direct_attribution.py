"""Direct logit attribution: against the residual stream written out, TransformerLens' own and
weights whose answer is known."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from architectures import ARCHITECTURES
from induction_kernels import as_model, direct_logit_attribution, head_scores, load_demo
from induction_kernels.errors import PromptError, SelectionError, UnsupportedModelError
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.scores.of_outputs.attribution import attribute
from planted_induction import STRENGTH, VOCABULARY, planted_induction
from shaken_models import made, shaken, some_ids
from small_models import bridge, wrapped
from torch import Tensor

#: What comes after what heads write, or where each head's weights are, is not known of these.
NOT_ADDED = {"gemma2", "gemma3"}
NOT_FOUND = {"olmo2", "deepseek_v3"}


def next_ids(model: Any, ids: Tensor) -> Tensor:
    """What comes next, and after the last token the likeliest."""
    with torch.no_grad():
        return torch.cat([ids[0, 1:], model(input_ids=ids).logits[0, -1:].argmax(-1)])


#: Layers; a layer's projection of heads and its MLP; the last norm; embeddings.
WHERE: dict[str, tuple[str, str, str, str, list[str]]] = {
    "gpt2": ("transformer.h", "attn.c_proj", "mlp", "transformer.ln_f",
             ["transformer.wte", "transformer.wpe"]),
    "gpt_neox": ("gpt_neox.layers", "attention.dense", "mlp", "gpt_neox.final_layer_norm",
                 ["gpt_neox.embed_in"]),
    "llama": ("model.layers", "self_attn.o_proj", "mlp", "model.norm", ["model.embed_tokens"]),
}  # fmt: skip


def by_hand(kind: str, model: Any, ids: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Every module's own output, caught by hooks and multiplied out in double precision."""
    at_layers, at_out, at_mlp, at_norm, at_embeddings = WHERE[kind]
    layers, norm = model.get_submodule(at_layers), model.get_submodule(at_norm)
    embeddings = [model.get_submodule(name) for name in at_embeddings]
    gave: dict[Any, Tensor] = {}
    took: dict[Any, Tensor] = {}

    def keep(module: Any, inputs: Any, output: Any) -> None:
        gave[module], took[module] = output[0].double(), inputs[0][0]

    parts = [layer.get_submodule(at) for layer in layers for at in (at_out, at_mlp)]
    hooks = [part.register_forward_hook(keep) for part in [*parts, norm, *embeddings]]
    with torch.no_grad():
        model(input_ids=ids)
        for hook in hooks:
            hook.remove()
        stream = took[norm].double()
        unembedding = model.get_output_embeddings().weight.double()
        columns = unembedding[targets] - unembedding.mean(0)
        layer_norm = kind != "llama"

        def attributed(written: Tensor) -> Tensor:
            centred, of_stream = (
                x - x.mean(-1, keepdim=True) if layer_norm else x for x in (written, stream)
            )
            eps = norm.eps if layer_norm else norm.variance_epsilon
            spread = (of_stream.square().mean(-1) + eps).sqrt()
            return (norm.weight.double() * centred * columns).sum(-1) / spread

        found: dict[str, Tensor] = {
            name: attributed(gave[part].reshape(-1, 32))
            for name, part in zip(("embedding", "position"), embeddings, strict=False)
        }
        found["heads"] = torch.stack(
            [_of_heads(layer, at_out, took, attributed) for layer in layers]
        )
        found["mlps"] = torch.stack(
            [attributed(gave[layer.get_submodule(at_mlp)]) for layer in layers]
        )
        if layer_norm:
            found["bias"] = columns @ norm.bias.double()
            found["out_bias"] = torch.stack(
                [attributed(layer.get_submodule(at_out).bias.double().expand(len(targets), -1))
                 for layer in layers]
            )  # fmt: skip
    return found


def _of_heads(layer: Any, at_out: str, took: Any, attributed: Any) -> Tensor:
    out = layer.get_submodule(at_out)
    weight = out.weight if type(out).__name__ == "Conv1D" else out.weight.T
    z = took[out].double().unflatten(-1, (4, -1))
    return torch.stack(
        [attributed(z[:, h] @ weight.double().unflatten(0, (4, -1))[h]) for h in range(4)]
    )


@pytest.mark.parametrize("kind", WHERE)
def test_every_part_is_what_its_module_writes(kind: str) -> None:
    model, ids = made(kind), some_ids()
    found = direct_logit_attribution(model, ids[0])
    expected = by_hand(kind, model, ids, next_ids(model, ids))
    for name, values in expected.items():
        difference = (torch.tensor(found[name].values) - values).abs().max()
        assert float(difference) < 2e-5, f"{name} is off by {float(difference):.2g}"
        assert float(values.abs().max()) > 0.01
    for name in {"position", "bias", "out_bias"} - set(expected):
        assert not found[name].values.any()


@pytest.mark.parametrize("kind", sorted(ARCHITECTURES.keys() - NOT_ADDED - NOT_FOUND))
def test_the_parts_sum_to_the_models_own_logit(kind: str) -> None:
    model, ids = made(kind), some_ids()
    found = direct_logit_attribution(model, ids[0])
    with torch.no_grad():
        logits = model(input_ids=ids).logits[0]
    own = logits.gather(-1, next_ids(model, ids)[:, None])[:, 0]
    mean = torch.tensor(found.mean_logit.values)
    torch.testing.assert_close(mean, logits.mean(-1), atol=2e-5, rtol=1e-5)
    summed = sum(
        found[name].sum([dim for dim in found[name].dims if dim != "query"])
        for name in ("heads", "mlps", "out_bias", "embedding", "position", "bias")
    )
    torch.testing.assert_close(torch.tensor(summed.values) + mean, own, atol=5e-5, rtol=1e-5)
    torch.testing.assert_close(
        torch.tensor(found.logit.values), torch.tensor(summed.values), atol=5e-5, rtol=1e-5
    )


@pytest.mark.parametrize("kind", ["gpt2", "gpt_neox", "llama"])
def test_transformer_lens_says_the_same_of_every_head(kind: str) -> None:
    """Of a bridge that it has folded: then the biases of values are in those of the output."""
    from transformer_lens.tools.analysis import direct_logit_attribution as theirs

    raw, ids = made(kind), some_ids()
    folded = wrapped(raw)
    folded.enable_compatibility_mode(disable_warnings=True)
    of_folded, of_raw = (direct_logit_attribution(m, ids[0], 7) for m in (folded, raw))
    result = theirs(folded, ids, answer_tokens=7, unit="head", pos=-1)
    heads = result.attribution.detach()[:8, 0].reshape(2, 4)
    assert result.labels[:8] == [f"L{layer}H{head}" for layer in range(2) for head in range(4)]
    torch.testing.assert_close(
        torch.tensor(of_folded["heads"].values[..., -1]), heads, atol=2e-5, rtol=1e-4
    )
    assert float(heads.abs().max()) > 0.1
    for found in (of_folded, of_raw):
        of_layers = found["heads"].sum("head") + found["out_bias"]
        torch.testing.assert_close(
            torch.tensor((of_layers - of_raw["heads"].sum("head") - of_raw["out_bias"]).values),
            torch.zeros(2, 12), atol=3e-5, rtol=0,
        )  # fmt: skip
    torch.testing.assert_close(
        torch.tensor(of_raw.logit.values), torch.tensor(of_folded.logit.values), atol=3e-5, rtol=0
    )


@pytest.mark.parametrize("kind", sorted(NOT_ADDED | NOT_FOUND))
def test_a_model_that_does_more_to_what_heads_write_is_refused(kind: str) -> None:
    why = "what heads write is not added as it is" if kind in NOT_ADDED else "does not say where"
    with pytest.raises(UnsupportedModelError, match=why):
        direct_logit_attribution(made(kind), some_ids()[0])
    found = head_scores(made(kind), tokens=some_ids(6).repeat(2, 2), period=6)
    assert any(one.startswith("copy_attribution: ") for one in found.attrs["left_out"])


def test_logits_that_are_more_than_the_unembedding_are_refused() -> None:
    model = made("gpt2")
    direct_logit_attribution(model, some_ids()[0])
    model.lm_head.register_forward_hook(lambda _module, _inputs, logits: 2 * logits)
    with pytest.raises(UnsupportedModelError, match=r"its parts sum to .* and its own logit is"):
        direct_logit_attribution(model, some_ids()[0])


def test_of_capped_logits_those_before_the_cap_are_attributed() -> None:
    model = shaken(bridge(attn_only=False, act_fn="gelu", d_mlp=64, output_logits_soft_cap=3.0))
    ids = some_ids()
    found = direct_logit_attribution(model, ids[0], 5)
    with torch.no_grad():
        own = model(ids)[0, :, 5]
    assert found.attrs["cap"] == 3
    before = torch.tensor((found.logit + found.mean_logit).values)
    assert float(before.abs().max()) > 3
    torch.testing.assert_close(3 * torch.tanh(before / 3), own, atol=1e-4, rtol=1e-4)


def test_a_bundled_model_alone_and_as_a_bridge_with_hooks() -> None:
    """The second is run by the bridge itself, whose hooks only that runs."""
    series = load_demo("attn-only-2l")
    alone, held = series.load(-1), series.load(-1)
    seen: list[int] = []
    held.hook_dict["blocks.0.attn.hook_pattern"].add_hook(lambda x, hook: seen.append(1))
    text = "the cat sat. the cat"
    one, other = (direct_logit_attribution(model, text) for model in (alone, held))
    assert seen
    for name in ("heads", "out_bias", "mlps", "embedding", "position", "bias", "logit"):
        torch.testing.assert_close(
            torch.tensor(one[name].values), torch.tensor(other[name].values), atol=2e-5, rtol=1e-5
        )
    assert not one.mlps.values.any()


@pytest.mark.parametrize("sign", [1, -1])
def test_a_perfect_induction_head_is_sized_exactly(sign: int) -> None:
    """And its suppressor, which attends to the same and writes against it."""
    model, tokens, period = planted_induction(sign)
    found = head_scores(model, ["induction", "copy_attribution"], tokens, period=period)
    raised = sign * STRENGTH * (1 - 1 / VOCABULARY)
    expected = torch.tensor([[0.0, 0.0], [raised, 0.0]])
    torch.testing.assert_close(
        torch.tensor(found.copy_attribution.values), expected, atol=1e-5, rtol=1e-5
    )
    assert float(found.induction[1, 0]) == pytest.approx(1, abs=1e-5)
    assert found.copy_attribution.attrs["units"] == "logits"
    assert found.copy_attribution.attrs["chance"] == 0


@pytest.mark.parametrize("kind", ["gpt2", "gpt_neox", "llama"])
def test_copy_attribution_is_the_mean_over_the_second_copy(kind: str) -> None:
    model = made(kind)
    found = head_scores(model, ["copy_attribution"])
    probe = RepeatedTokens.make(as_model(model))
    total = torch.zeros(2, 4, dtype=torch.double)
    second = range(probe.lead + probe.period, probe.lead + 2 * probe.period)
    for row in probe.tokens[:, : len(probe.tokens[0])]:
        copied = row.clone()
        for q in second:
            copied[q] = row[q - probe.period + 1]
        total += by_hand(kind, model, row[None], copied)["heads"][:, :, list(second)].mean(-1)
    torch.testing.assert_close(
        torch.tensor(found.copy_attribution.values), (total / len(probe.tokens)).float(),
        atol=2e-5, rtol=1e-4,
    )  # fmt: skip
    assert float(total.abs().max()) > 0.01


def test_half_precision_is_near() -> None:
    model, ids = made("llama"), some_ids()
    exact = direct_logit_attribution(model, ids[0], 7)
    half = direct_logit_attribution(copy.deepcopy(model).to(torch.bfloat16), ids[0], 7)
    off = abs(half["heads"] - exact["heads"]).max()
    assert float(off) < 0.05 * float(abs(exact["heads"]).max())


def test_queries_can_be_chosen() -> None:
    model, ids = as_model(made("gpt2")), some_ids()
    targets = torch.arange(12)[None] + 20
    every = attribute(model, ids, targets, torch.arange(12))
    some = attribute(model, ids, targets[:, [3, 8]], torch.tensor([3, 8]))
    torch.testing.assert_close(some.heads, every.heads[..., [3, 8]], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(some.logit, every.logit[:, [3, 8]], atol=1e-5, rtol=1e-5)


def test_nothing_is_left_in_the_model() -> None:
    model = made("gpt2")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    direct_logit_attribution(model, some_ids()[0])
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_targets_that_cannot_be_are_refused() -> None:
    model, ids = made("gpt2"), some_ids()[0]
    with pytest.raises(SelectionError, match=r"shape \(3,\) for 12 tokens"):
        direct_logit_attribution(model, ids, [1, 2, 3])
    with pytest.raises(PromptError, match="no tokenizer"):
        direct_logit_attribution(model, ids, " C")
    with pytest.raises(PromptError, match="empty"):
        direct_logit_attribution(model, "")


def test_one_token_for_all_or_one_for_each() -> None:
    model, ids = made("gpt2"), some_ids()[0]
    for_all, for_each = (direct_logit_attribution(model, ids, t) for t in (9, [9] * 12))
    assert list(for_all.target.values) == ["9"] * 12
    assert for_all.identical(for_each)
