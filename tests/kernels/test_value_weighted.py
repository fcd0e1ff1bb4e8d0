"""Attention times the size of what it moves, against patterns and values read apart."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from induction_kernels import (
    SCORES,
    as_model,
    attention_patterns,
    head_scores,
    value_weighted_patterns,
)
from induction_kernels.errors import SelectionError, UnsupportedModelError
from induction_kernels.scores.weighing import weighing
from small_models import HUGGING_FACE, VOCABULARY, bridge
from torch import Tensor

BY = ["value", "output"]


def ids(n: int = 13, rows: int = 1) -> Tensor:
    return torch.randint(1, VOCABULARY, (rows, n), generator=torch.Generator().manual_seed(1))


def of_transformer_lens() -> tuple[Any, Any]:
    """A model; and its values [layer, head, pos, d_head] and W_O [layer, head, d_head, d_model]."""
    model = bridge()

    def read(tokens: Tensor) -> tuple[Tensor, Tensor]:
        _, cache = model.run_with_cache(tokens)
        blocks = range(model.cfg.n_layers)
        v = torch.stack([cache[f"blocks.{la}.attn.v.hook_out"][0] for la in blocks])
        v = v.unflatten(-1, (model.cfg.n_heads, -1)) if v.ndim == 3 else v
        return v.transpose(1, 2), torch.stack([block.attn.W_O for block in model.blocks])

    return model, read


def of_gpt2() -> tuple[Any, Any]:
    torch.manual_seed(0)
    model = HUGGING_FACE["gpt2"]().eval()
    with torch.no_grad():
        for block in model.transformer.h:  # biases are 0 at first
            block.attn.c_attn.bias.normal_()

    def read(tokens: Tensor) -> tuple[Tensor, Tensor]:
        joint = watched(model, tokens, [block.attn.c_attn for block in model.transformer.h])
        v = torch.stack([one[0].chunk(3, -1)[2] for one in joint]).unflatten(-1, (4, 8))
        out = [block.attn.c_proj.weight.unflatten(0, (4, 8)) for block in model.transformer.h]
        return v.transpose(1, 2), torch.stack(out)

    return model, read


def of_llama() -> tuple[Any, Any]:
    """Four heads of two groups."""
    torch.manual_seed(0)
    model = HUGGING_FACE["llama"]().eval()
    layers = model.model.layers

    def read(tokens: Tensor) -> tuple[Tensor, Tensor]:
        values = watched(model, tokens, [layer.self_attn.v_proj for layer in layers])
        v = torch.stack([one[0] for one in values]).unflatten(-1, (2, 8)).transpose(1, 2)
        out = [layer.self_attn.o_proj.weight.T.unflatten(0, (4, 8)) for layer in layers]
        return v.repeat_interleave(2, 1), torch.stack(out)

    return model, read


def watched(model: Any, tokens: Tensor, parts: list[Any]) -> list[Tensor]:
    seen: list[Tensor] = []
    handles = [part.register_forward_hook(lambda _m, _i, out: seen.append(out)) for part in parts]
    with torch.no_grad():
        model(input_ids=tokens)
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("make", [of_transformer_lens, of_gpt2, of_llama])
def test_patterns_are_attention_times_sizes(make, by) -> None:
    model, read = make()
    with torch.no_grad():
        v, out = read(ids())
        written = v if by == "value" else v @ out
    sizes = written.square().sum(-1).sqrt().flatten(0, 1)
    expected = attention_patterns(model, ids()) * (sizes / sizes.max(-1, keepdim=True)[0])[:, None]
    torch.testing.assert_close(value_weighted_patterns(model, ids(), by=by), expected)
    some = value_weighted_patterns(model, ids(), [(1, 2), (0, 3)], by=by)
    torch.testing.assert_close(some, expected[[6, 3]])


def test_without_by_it_is_the_size_of_values() -> None:
    model, _ = of_llama()
    first = value_weighted_patterns(model, ids())
    assert torch.equal(first, value_weighted_patterns(model, ids(), by="value"))
    assert not torch.allclose(first, value_weighted_patterns(model, ids(), by="output"))


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("make", [of_transformer_lens, of_llama])
def test_scores_are_means_over_their_cells(make, by) -> None:
    """Read without a square, beside the same of whole patterns."""
    model, _ = make()
    names = [f"{name}_by_{by}" for name in ("induction", "previous_token", "first_token")]
    half = torch.randperm(VOCABULARY - 1, generator=torch.Generator().manual_seed(0))[:30] + 1
    rows = torch.stack([torch.cat([ids(1)[0], r, r]) for r in (half[:15], half[15:])])
    found = head_scores(model, [*names, "first_token"], rows, period=15)
    squares = torch.stack([value_weighted_patterns(model, row, by=by) for row in rows]).mean(0)
    heads = as_model(model).n_heads
    cells = {
        "induction": squares[:, range(16, 31), range(2, 17)],
        "previous_token": squares[:, range(1, 31), range(30)],
        "first_token": squares[:, 1:, 0],
    }
    for name, of_cells in cells.items():
        expected = of_cells.mean(-1).reshape(-1, heads)
        got = torch.as_tensor(found[f"{name}_by_{by}"].values)
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)
    assert (found[f"first_token_by_{by}"] <= found["first_token"] + 1e-6).all()


def test_a_sink_without_a_value_counts_for_nothing() -> None:
    """Position 0 moves nothing, position 1 half of what position 2 does, whatever else is there."""
    v = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 10.0]])[None, None]
    model = as_model(bridge(n_heads=1))
    weights = weighing(model, ["value"])["value"](0, v)
    torch.testing.assert_close(weights, torch.tensor([[[0.0, 0.5, 1.0]]]))
    nothing = weighing(model, ["value"])["value"](0, torch.zeros_like(v))
    assert torch.equal(nothing, torch.zeros(1, 1, 3))


def test_what_w_o_does_not_read_counts_for_nothing() -> None:
    model = bridge(d_head=2, n_heads=1, d_model=4)
    with torch.no_grad():
        model.blocks[0].attn.W_O.copy_(torch.tensor([[[0.0, 0, 0, 0], [0, 3.0, 0, 4.0]]]))
    weigh = weighing(as_model(model), ["output"])["output"]
    v = torch.tensor([[7.0, 0.0], [7.0, 1.0], [0.0, -2.0]])[None, None]
    torch.testing.assert_close(weigh(0, v), torch.tensor([[[0.0, 0.5, 1.0]]]))


@given(st.integers(2, 40), st.sampled_from(BY))
def test_shapes_and_ranges(n: int, by: str) -> None:
    found = value_weighted_patterns(LLAMA, ids(n), by=by)
    assert found.shape == (8, n, n)
    assert found.dtype == torch.float32
    assert float(found.min()) >= 0
    assert float(found.sum(-1).max()) <= 1 + 1e-5
    assert torch.equal(found, found.tril())


LLAMA, _ = of_llama()


def test_each_is_measured_only_by_name_and_says_what_it_is() -> None:
    model, _ = of_llama()
    unasked = head_scores(model)
    assert not [name for name in unasked if "_by_" in str(name)]
    said = head_scores(model, "first_token_by_output")["first_token_by_output"].attrs
    assert said["formula"] == "mean over q ≥ 1 of A[q, 0] · ‖v_k W_O‖ / max over k of ‖v_k W_O‖"
    assert said["range"] == "0 to 1"
    assert said["chance"] == pytest.approx(head_scores(model, "first_token").first_token.chance)
    assert SCORES["induction_by_value"].group.startswith("Attention × size of the value")


@pytest.mark.unchecked
def test_what_it_cannot_be_read_off_is_said() -> None:
    with pytest.raises(SelectionError, match=r"'values'.*value, output"):
        value_weighted_patterns(LLAMA, ids(), by="values")
    folded = bridge()
    folded.enable_compatibility_mode()
    for ask in (
        lambda: value_weighted_patterns(folded, ids()),
        lambda: head_scores(folded, ["induction_by_value"]),
    ):
        with pytest.raises(UnsupportedModelError, match=r"cannot be weighed.*compatibility mode"):
            ask()
