"""What happens when a GPU has too little memory."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from architectures import sharpened
from hypothesis import given
from hypothesis import strategies as st
from induction_kernels import (
    InductionError,
    ablate,
    ablate_each,
    as_model,
    head_scores,
    token_losses,
    wiring,
)
from induction_kernels.attention import cells
from induction_kernels.causes import intervene as interventions
from induction_kernels.causes.ablation import Ablation
from induction_kernels.causes.ablator import KINDS
from induction_kernels.errors import ProbeError
from induction_kernels.inputs.batches import in_batches
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.losses import tokens as losses
from induction_kernels.scores.of_weights import circuits
from induction_kernels.scores.of_weights.circuits import copying, copying_output
from small_models import HUGGING_FACE, VOCABULARY, bridge


def short_of_memory(run, limit: int):
    """`run`, on a device that holds `limit` rows."""

    def limited(model, tokens, *rest):
        if len(tokens) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return run(model, tokens, *rest)

    return limited


@given(rows=st.integers(1, 40), size=st.integers(1, 40), limit=st.integers(1, 40))
@pytest.mark.filterwarnings("ignore:Out of memory")
def test_every_row_once_and_in_order(rows: int, size: int, limit: int) -> None:
    run = short_of_memory(lambda _, part: part, limit)
    tokens = torch.arange(rows)[:, None]
    parts = list(in_batches(tokens, size, lambda part: run(None, tokens[part])))
    assert torch.cat([found for _, found in parts]).flatten().tolist() == list(range(rows))
    assert all(torch.equal(tokens[part], found) for part, found in parts)
    assert max(len(found) for _, found in parts) <= min(size, limit)


@pytest.mark.filterwarnings("ignore:Out of memory")
def test_scores_and_losses_are_the_same_in_smaller_batches(monkeypatch) -> None:
    model = bridge()
    scores = head_scores(model, "induction")["induction"].values
    tokens = torch.arange(5 * 9).reshape(5, 9)
    whole = token_losses(model, tokens)
    monkeypatch.setattr(cells, "read_fused", short_of_memory(cells.read_fused, 3))
    monkeypatch.setattr(losses, "run", short_of_memory(losses.run, 3))
    with pytest.warns(match="Out of memory with 10 rows of 100 tokens; going on with 5"):
        again = head_scores(model, "induction")["induction"].values
    assert again == pytest.approx(scores, abs=1e-6)
    with pytest.warns(match="going on with 3 at a time"):
        torch.testing.assert_close(token_losses(model, tokens), whole)


def test_when_not_even_one_row_fits(monkeypatch) -> None:
    monkeypatch.setattr(losses, "run", short_of_memory(losses.run, 0))
    with (
        pytest.warns(match="Out of memory"),
        pytest.raises(
            InductionError, match=r"One row of 7 tokens does not fit .*Tried to allocate"
        ),
    ):
        token_losses(bridge(), torch.ones(2, 7, dtype=torch.long))


def too_large(monkeypatch, limit: int) -> list[int]:
    """From now on attention runs out of memory in the middle of a pass of more than `limit` rows;
    gives the number of rows of every pass that came through a layer."""
    whole, seen = interventions.attention, []

    def limited(q, *rest):
        if len(q) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        seen.append(len(q))
        return whole(q, *rest)

    monkeypatch.setattr(interventions, "attention", limited)
    return seen


def varied() -> Any:
    """A model whose heads matter."""
    torch.manual_seed(0)
    return sharpened(sharpened(HUGGING_FACE["llama"]()))


@pytest.mark.filterwarnings("ignore:Out of memory")
@pytest.mark.parametrize("limit", [2, pytest.param(5, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frozen", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_ablations_are_the_same_in_smaller_batches(kind, frozen, limit, monkeypatch) -> None:
    """Of resampling too: a row keeps its donor, in whatever batch either is run."""
    model = varied()
    text = torch.randint(VOCABULARY, (23, 70), generator=torch.Generator().manual_seed(0))

    def found() -> Ablation:
        return ablate(model, [(0, 1), (1, 2)], text, kind=kind, frozen=frozen, controls=3)

    whole = found()
    seen = too_large(monkeypatch, limit)
    again = found()
    assert max(seen) <= limit
    assert abs(whole.loss_change) > 1e-3
    measured = ("loss", "in_context_learning")
    for name in [name + of for name in measured for of in ("", "_change", "_error")]:
        assert getattr(again, name) == pytest.approx(getattr(whole, name), abs=2e-6)
    assert again.control_loss == pytest.approx(whole.control_loss, abs=2e-6)


@pytest.mark.filterwarnings("ignore:Out of memory")
@pytest.mark.parametrize("kind", KINDS)
def test_ablations_of_each_head_are_the_same_in_smaller_batches(kind, monkeypatch) -> None:
    model = varied()
    text = torch.randint(VOCABULARY, (6, 70), generator=torch.Generator().manual_seed(0))
    whole = ablate_each(model, text, kind=kind)
    seen = too_large(monkeypatch, 3)
    again = ablate_each(model, text, kind=kind)
    assert max(seen) <= 3
    for name, grid in whole.items():
        assert again[name].values == pytest.approx(grid.values, abs=2e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Out of memory")
@pytest.mark.parametrize("limit", [1, 7])
def test_wiring_is_the_same_in_smaller_batches(limit, monkeypatch) -> None:
    model = varied()
    whole = wiring(model, (1, 2))
    seen = too_large(monkeypatch, limit)
    with pytest.warns(match="Out of memory with 10 rows of 10[01] tokens; going on with 5"):
        again = wiring(model, (1, 2))
    assert max(seen) <= limit
    assert abs(whole.effect[0].values).max() > 1e-4
    for name, grid in whole.items():
        assert again[name].values == pytest.approx(grid.values, abs=1e-6, nan_ok=True)


@pytest.mark.filterwarnings("ignore:Out of memory")
@pytest.mark.parametrize("score", [copying, copying_output])
def test_copying_is_the_same_in_smaller_batches(score, monkeypatch) -> None:
    model = varied()
    whole = score(model)
    monkeypatch.setattr(circuits, "visit_attention", short_of_memory(circuits.visit_attention, 3))
    torch.testing.assert_close(score(model), whole, atol=1e-6, rtol=0)


def test_when_not_even_one_row_can_be_ablated(monkeypatch) -> None:
    """Of repeated tokens, which come first."""
    too_large(monkeypatch, 0)
    text = torch.ones(2, 7, dtype=torch.long)
    with (
        pytest.warns(match="Out of memory"),
        pytest.raises(InductionError, match=r"One row of 101 tokens does not fit"),
    ):
        ablate(varied(), [(0, 1)], text)


@given(rows=st.integers(1, 40), size=st.integers(1, 40), data=st.data())
@pytest.mark.filterwarnings("ignore:Out of memory")
def test_no_part_reaches_out_of_its_group(rows: int, size: int, data) -> None:
    ends = sorted({*data.draw(st.lists(st.integers(1, rows))), rows})
    groups = [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]
    limit = data.draw(st.integers(1, 40))
    tokens = torch.arange(rows)[:, None]
    run = short_of_memory(lambda _, part: part, limit)
    parts = list(in_batches(tokens, size, lambda part: run(None, tokens[part]), groups=groups))
    assert torch.cat([found for _, found in parts]).flatten().tolist() == list(range(rows))
    for part, _ in parts:
        assert any(g.start <= part.start and part.stop <= g.stop for g in groups)


@pytest.mark.unchecked
@pytest.mark.parametrize("rows", [0, -1, -16, 0.5, 2.0, True, None, "8", torch.tensor(2.5)])
def test_rows_at_a_time_are_a_whole_number_from_1(rows) -> None:
    """In words and at once: zero rows at a time would never come to an end."""
    model, tokens = bridge(), torch.ones(2, 7, dtype=torch.long)
    said = rf"batch_size={re.escape(repr(rows))} was given. Give a whole number of rows, at least 1"
    with pytest.raises(ProbeError, match=said):
        token_losses(model, tokens, batch_size=rows)
    with pytest.raises(ProbeError, match=said):
        next(in_batches(tokens, rows, lambda part: part))
    with pytest.raises(ProbeError, match=said.replace("batch_size", "batch")):
        RepeatedTokens.make(as_model(model), batch=rows)


@pytest.mark.unchecked
def test_rows_at_a_time_may_be_any_kind_of_whole_number() -> None:
    tokens = torch.ones(3, 2, dtype=torch.long)
    for size in (np.int64(2), torch.tensor(2)):
        assert [part.stop for part, _ in in_batches(tokens, size, lambda part: None)] == [2, 3]
