"""What happens when a GPU has too little memory."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from induction_kernels import InductionError, as_model, head_scores, losses, token_losses
from induction_kernels.attention import cells
from induction_kernels.batches import in_batches
from induction_kernels.errors import ProbeError
from induction_kernels.probes import RepeatedTokens
from small_models import bridge


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
