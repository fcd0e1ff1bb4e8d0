"""Effective rank against singular values of outputs read apart, and outputs of a known spread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from induction_kernels import as_model, effective_ranks, head_scores, load_demo, sweep
from induction_kernels.errors import InductionError, ProbeError
from induction_kernels.inputs.bigrams import Bigrams
from induction_kernels.scores.effective_rank import rank_of
from induction_kernels.scores.registry import UNASKED
from small_models import HUGGING_FACE, bridge


def by_singular_values(z: np.ndarray) -> float:
    """Of outputs [row, d_head], as it is defined."""
    squares = np.linalg.svd(z.astype(np.float64), compute_uv=False) ** 2
    p = squares[squares > 0] / squares.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def rows_of(model: Any, rows: int) -> torch.Tensor:
    return Bigrams.make(as_model(model), rows=rows).tokens


def test_of_a_bridge_it_is_that_of_its_own_hooks() -> None:
    model = bridge()
    _, cache = model.run_with_cache(rows_of(model, 40))
    found = effective_ranks(model, rows=40)
    assert found.shape == (2, 4)
    for layer in range(2):
        z = cache[f"blocks.{layer}.attn.hook_z"].detach()
        z = z.reshape(*z.shape[:2], 4, -1)
        for head in range(4):
            expected = by_singular_values(z[:, -1, head].numpy())
            assert float(found[layer, head]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_of_a_hugging_face_model_it_is_that_of_what_enters_its_last_projection(kind) -> None:
    torch.manual_seed(0)
    model = HUGGING_FACE[kind]().eval()
    outs = (
        [block.attn.c_proj for block in model.transformer.h]
        if kind == "gpt2"
        else [layer.self_attn.o_proj for layer in model.model.layers]
    )
    tokens, seen = rows_of(model, 20), []
    handles = [one.register_forward_pre_hook(lambda _m, z: seen.append(z[0])) for one in outs]
    with torch.no_grad():
        model(input_ids=tokens)
    for handle in handles:
        handle.remove()
    found = effective_ranks(model, rows=20)
    for layer, z in enumerate(seen):
        for head, of_head in enumerate(z[:, -1].unflatten(-1, (4, -1)).unbind(1)):
            expected = by_singular_values(of_head.numpy())
            assert float(found[layer, head]) == pytest.approx(expected, rel=1e-4)


@given(st.integers(1, 12), st.floats(0.01, 100))
def test_as_many_equal_directions_are_that_many(count: int, size: float) -> None:
    z = torch.zeros(30, 12, dtype=torch.float64)
    z[torch.arange(30), torch.arange(30) % count] = size
    z = z[: 30 // count * count]
    assert float(rank_of(z.T @ z)) == pytest.approx(count, rel=1e-6)


def test_rows_of_one_direction_are_one_and_nothing_has_none() -> None:
    z = torch.randn(50, 1, dtype=torch.float64) * torch.tensor(
        [1.0, -2.0, 0.5], dtype=torch.float64
    )
    assert float(rank_of(z.T @ z)) == pytest.approx(1)
    assert float(rank_of(torch.zeros(3, 3, dtype=torch.float64))) == 0
    both = torch.stack([torch.eye(3, dtype=torch.float64), torch.full((3, 3), torch.nan).double()])
    assert rank_of(both)[0] == pytest.approx(3)
    assert rank_of(both)[1].isnan()


def test_the_score_reads_256_rows_and_by_name_only() -> None:
    series = load_demo("attn-only-1l").select([-1])
    model = series.load(-1)
    scored = head_scores(model, ["effective_rank"]).effective_rank
    np.testing.assert_allclose(scored, effective_ranks(model, rows=256), rtol=1e-5)
    assert scored.attrs["probe_batch"] == 256
    assert scored.attrs["range"] == "0 to 16"
    swept = sweep(series, scores=["effective_rank"], progress=False).effective_rank
    np.testing.assert_allclose(swept[-1], scored, rtol=1e-5)
    assert "effective_rank" not in UNASKED


def test_a_head_that_gives_nothing_has_0_and_broken_weights_are_named() -> None:
    model = HUGGING_FACE["llama"]().eval()
    values = model.model.layers[0].self_attn.v_proj.weight.data.unflatten(0, (2, -1))
    values[0] = 0  # of the first two heads
    found = head_scores(model, ["effective_rank"]).effective_rank
    assert found[0, :2].values.tolist() == [0, 0]
    assert float(found[0, 2:].min()) > 1
    values[1] = torch.nan
    with pytest.raises(InductionError, match="effective_rank of L0H2 in LlamaForCausalLM is not"):
        head_scores(model, ["effective_rank"])


def test_batches_make_no_difference(monkeypatch) -> None:
    model = bridge()
    whole = effective_ranks(model, rows=20)
    monkeypatch.setattr("induction_kernels.scores.effective_rank._ROWS_AT_A_TIME", 3)
    torch.testing.assert_close(effective_ranks(model, rows=20), whole, rtol=1e-5, atol=1e-5)


def test_it_is_at_most_the_rows_and_none_is_refused() -> None:
    model = bridge()
    assert float(effective_ranks(model, rows=2).max()) <= 2 + 1e-5
    with pytest.raises(ProbeError, match="rows"):
        effective_ranks(model, rows=0)
