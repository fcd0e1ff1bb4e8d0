"""Scores of the weights: against matrices as large as the vocabulary, TransformerLens and cases
whose answer is known."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from induction_kernels import as_model, head_scores, load_demo
from induction_kernels.errors import UnsupportedModelError
from induction_kernels.scores.of_weights.circuits import (
    copying,
    copying_output,
    copying_tokens,
    k_composition,
    ov_copying,
    qk_trace,
)
from small_models import HUGGING_FACE, bridge, wrapped
from torch import Tensor


def folded(model: Any) -> Any:
    """As TransformerLens folds it, for numbers of another origin than ours."""
    model = copy.deepcopy(model)
    model.enable_compatibility_mode(disable_warnings=True)
    return model


def shaken(model: Any) -> Any:
    """Gains, biases and all else away from where they are initialized."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


shapes = given(
    layers=st.integers(1, 3),
    heads=st.sampled_from([(1, 1), (3, 3), (4, 2)]),
    d_model=st.sampled_from([6, 16, 32]),
    d_head=st.sampled_from([2, 5, 8]),
    norm=st.sampled_from(["LN", "RMS", "LNPre"]),
)


def of_shape(
    layers: int, heads: tuple[int, int], d_model: int, d_head: int, norm: str, d_vocab: int = 40
) -> Any:
    return shaken(
        bridge(
            n_layers=layers,
            n_heads=heads[0],
            n_key_value_heads=heads[1],
            d_model=d_model,
            d_head=d_head,
            d_vocab=d_vocab,
            normalization_type=norm,
        )
    )


@pytest.mark.slow
@settings(max_examples=12)
@shapes
def test_ov_copying_against_eigenvalues_of_the_whole_vocabulary(**shape) -> None:
    model = of_shape(**shape)
    found = ov_copying(model)
    theirs = folded(model)
    with torch.no_grad():
        whole = theirs.W_E.double() @ theirs.OV.AB.double() @ theirs.W_U.double()
    eigenvalues = torch.linalg.eigvals(whole)
    expected = eigenvalues.real.sum(-1) / eigenvalues.abs().sum(-1)
    torch.testing.assert_close(found, expected.float(), atol=2e-4, rtol=0)
    assert found.abs().max() <= 1


@settings(max_examples=12)
@shapes
def test_k_composition_is_transformer_lens_own_less_the_baseline(**shape) -> None:
    model = of_shape(**shape)
    found = k_composition(model)
    with torch.no_grad():
        theirs = folded(model).all_composition_scores("K").scores
    for layer in range(shape["layers"]):
        earlier = found.pairs[:layer, :, layer]
        torch.testing.assert_close(
            earlier + found.baseline, theirs[:layer, :, layer], atol=1e-5, rtol=0
        )
        assert found.pairs[layer:, :, layer].isnan().all()
        best = earlier.amax((0, 1)) if layer else torch.zeros(shape["heads"][0])
        assert torch.equal(found.best()[layer], best)


@settings(max_examples=12)
@shapes
def test_qk_trace_against_traces_over_the_whole_vocabulary(**shape) -> None:
    model = of_shape(**shape)
    previous = torch.rand(shape["layers"], shape["heads"][0])
    found = qk_trace(model, previous)
    theirs = folded(model)
    with torch.no_grad():
        embedding, qk, ov = theirs.W_E.detach(), theirs.QK.AB, theirs.OV.AB
    for layer in range(shape["layers"]):
        for head in range(shape["heads"][0]):
            expected = sum(
                float(
                    previous[e, h]
                    * (embedding @ qk[layer, head] @ ov[e, h].T @ embedding.T).trace()
                )
                for e in range(layer)
                for h in range(shape["heads"][0])
            )
            assert float(found[layer, head]) == pytest.approx(expected, rel=1e-3, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["native", "rms", "gpt2", "gpt_neox", "llama"])
def test_copying_against_a_loop_over_a_folded_bridge(kind) -> None:
    torch.manual_seed(0)
    if kind in ("native", "rms"):
        model = shaken(bridge(normalization_type={"native": "LN", "rms": "RMS"}[kind]))
        theirs = folded(model)
    else:
        model = shaken(HUGGING_FACE[kind]())
        theirs = folded(wrapped(model))
    by_key, by_query = copying(model), copying_output(model)
    tokens = copying_tokens(as_model(model))
    n = tokens.shape[1]
    with torch.no_grad():
        _, cache = theirs.run_with_cache(tokens)
        unembedding = theirs.W_U.T[tokens]
        for layer in range(2):
            v, pattern = (
                cache[f"blocks.{layer}.attn.hook_v"],
                cache[f"blocks.{layer}.attn.hook_pattern"],
            )
            for head in range(4):
                kv_head = head * v.shape[2] // 4
                w_o = theirs.blocks[layer].attn.W_O[head]
                expected = {"key": 0.0, "query": 0.0}
                for row in range(len(tokens)):
                    paid = pattern[row, head]
                    # Folding has moved b_V into b_O, except that of models without b_O.
                    values = v[row, :, kv_head] @ w_o
                    attended = everything = 0.0
                    for key in range(n):
                        raised = (unembedding[row] @ values[key]).clamp(min=0)
                        attended += float(paid[:, key].sum() * raised[key])
                        everything += float(paid[:, key].sum() * raised.sum())
                    expected["key"] += (4 * attended / (attended + everything) - 1) / len(tokens)
                    attended = everything = 0.0
                    for query in range(n):
                        written = sum(paid[query, key] * values[key] for key in range(query + 1))
                        raised = (unembedding[row] @ written).clamp(min=0)
                        attended += float(sum(paid[query, k] * raised[k] for k in range(query + 1)))
                        everything += float(raised.sum())
                    expected["query"] += (4 * attended / (attended + everything) - 1) / len(tokens)
                assert float(by_key[layer, head]) == pytest.approx(expected["key"], abs=2e-3)
                assert float(by_query[layer, head]) == pytest.approx(expected["query"], abs=2e-3)


def hand_made(d: int = 40) -> Any:
    """One-hot tokens; heads that copy, lower what they see, raise tokens 0 to 9, write nothing."""
    model = bridge(n_layers=1, n_heads=4, d_model=d, d_head=d, d_vocab=d, normalization_type=None)
    weights = {k: torch.zeros_like(v) for k, v in model.state_dict().items()}
    weights["embed.weight"] = weights["unembed.weight"] = torch.eye(d)
    alike = torch.zeros(d, d)
    alike[:10] = 1
    attention = "blocks.0.attn"
    weights[f"{attention}.v.weight"] = torch.eye(d).repeat(4, 1)
    weights[f"{attention}.o.weight"] = torch.cat(
        [torch.eye(d), -torch.eye(d), alike, torch.zeros(d, d)], dim=1
    )
    model.load_state_dict(weights)
    return model


def test_heads_that_do_one_thing_only() -> None:
    model = hand_made()
    tokens = torch.arange(10).expand(3, -1)
    even = 4 / 11 - 1
    expected = torch.tensor([[1, -1, even, even]])
    torch.testing.assert_close(copying(model, tokens=tokens), expected)
    # Even attention mixes: at query q each of q + 1 tokens is raised by 1 / (q + 1), less the mean
    # over the vocabulary.
    raised = [1 / (q + 1) - 1 / 40 for q in range(10)]
    attended = sum(raised)
    everything = sum((q + 1) * r for q, r in enumerate(raised))
    mixed = 4 * attended / (attended + everything) - 1
    expected = torch.tensor([[mixed, -1, even, even]])
    torch.testing.assert_close(copying_output(model, tokens=tokens), expected)
    # The third is of rank one, its eigenvalue 10 (1 - 10/40); its 39 zeros are not exactly 0.
    expected = torch.tensor([[1.0, -1, 1, 0]])
    torch.testing.assert_close(ov_copying(model), expected, atol=5e-3, rtol=0)


@pytest.mark.parametrize("score", [copying, copying_output])
def test_a_head_that_raises_nothing_copies_no_better_than_chance(score) -> None:
    """Not 0, which is far above chance: a head that is dead, and one that only lowers or rests."""
    model = shaken(bridge())
    with torch.no_grad():
        model.blocks[1].attn.o.weight[:, : model.cfg.d_head] = 0
    found = head_scores(model, score.__name__)[score.__name__]
    assert float(found[1, 0]) == pytest.approx(found.attrs["chance"], abs=1e-6)
    assert (found.values != found.attrs["chance"]).sum() == found.size - 1


@pytest.mark.parametrize("score", [copying, copying_output])
@pytest.mark.parametrize("kind", ["llama", "gpt_neox"])
def test_a_residual_stream_of_zeros_writes_nothing(score, kind) -> None:
    """As of a token whose embedding is zero: the model's own norm makes 0 of it, not 0 / 0."""
    model = HUGGING_FACE[kind]().eval()
    with torch.no_grad():
        model.get_input_embeddings().weight.zero_()
    assert score(model)[0].tolist() == pytest.approx([4 / 26 - 1] * 4)


def test_the_sample_of_copying() -> None:
    model = as_model(bridge())
    tokens = copying_tokens(model)
    assert tokens.shape == (10, 25)
    assert all(len(set(row.tolist())) == 25 for row in tokens)
    assert torch.equal(tokens, copying_tokens(model, seed=0))
    assert not torch.equal(tokens, copying_tokens(model, seed=1))
    assert copying_tokens(as_model(bridge(n_ctx=12))).shape == (10, 12)


def test_copying_leaves_no_hook_behind() -> None:
    for model in (bridge(), HUGGING_FACE["gpt2"]()):
        copying(model)  # TransformerLens wires hooks of its own in the first run
        before = [dict(module._forward_pre_hooks) for module in model.modules()]
        copying(model)
        copying_output(model)
        assert [dict(module._forward_pre_hooks) for module in model.modules()] == before


@pytest.mark.parametrize("d_model", [16, 64, 256])
def test_random_heads_compose_as_much_as_the_baseline(d_model) -> None:
    model = bridge(n_layers=3, n_heads=6, d_model=d_model, normalization_type=None)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(generator=generator)
    found = k_composition(model)
    assert found.baseline == pytest.approx(d_model**-0.5, rel=0.08)
    assert float(found.pairs.nanmean()) == pytest.approx(0, abs=0.04 * found.baseline)
    assert k_composition(model, seed=0).baseline == found.baseline
    assert k_composition(model, seed=1).baseline != found.baseline


def test_induction_heads_of_the_bundled_series_copy_and_match() -> None:
    model = load_demo("attn-only-2l").model(-1)
    attention = head_scores(model, ["induction", "previous_token"])
    induction = torch.tensor(attention["induction"].values).flatten() > 0.5
    previous = torch.tensor(attention["previous_token"].values)
    assert induction.any()
    for found in (ov_copying(model), qk_trace(model, previous)):
        values = found.flatten()
        assert values[induction].min() > values[~induction].max()
    # The weakest of them moves what it reads elsewhere than to the output as well.
    for found in (copying(model), copying_output(model)):
        assert induction[found.flatten().topk(2).indices].all()
    # What they read was written by the best previous-token head.
    pairs = k_composition(model).pairs[0, :, 1]
    assert (pairs[:, induction[model.n_heads :]].argmax(0) == previous[0].argmax()).all()


def test_what_cannot_be_read_is_refused() -> None:
    model = HUGGING_FACE["gemma2"]()
    for score in (ov_copying, copying, copying_output, k_composition):
        with pytest.raises(UnsupportedModelError, match="Gemma2ForCausalLM"):
            score(model)
    with pytest.raises(UnsupportedModelError, match="Gemma2ForCausalLM"):
        qk_trace(model, torch.zeros(2, 4))


def tensors_of(value: Tensor | tuple[Tensor, float]) -> Tensor:
    return value if isinstance(value, Tensor) else value[0]


@pytest.mark.parametrize("score", [ov_copying, copying, copying_output, k_composition])
def test_a_chunked_vocabulary_and_another_dtype_make_no_difference(score, monkeypatch) -> None:
    model = shaken(bridge())
    whole = tensors_of(score(model)).nan_to_num(9)
    monkeypatch.setattr("induction_kernels.scores.of_weights.circuits._CHUNK", 7)
    torch.testing.assert_close(tensors_of(score(model)).nan_to_num(9), whole, atol=1e-5, rtol=0)
    half = tensors_of(score(model.bfloat16())).nan_to_num(9)
    torch.testing.assert_close(half, whole, atol=0.05, rtol=0)
