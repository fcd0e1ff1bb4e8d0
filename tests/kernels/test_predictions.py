"""Predictions at one position and at all of them, against a sort of all logits."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from induction_kernels import as_model, top_predictions
from induction_kernels.attention.forward import run
from induction_kernels.errors import PromptError, SelectionError
from induction_kernels.losses.predictions import predict_positions
from induction_kernels.models import outputs
from small_models import VOCABULARY, bridge


def test_top_predictions_and_the_answer(tokenizer) -> None:
    model = as_model(bridge(), tokenizer)
    found = top_predictions(model, "the cat sat", k=5, answer=" the")
    target = tokenizer(" the")["input_ids"][0]
    with torch.no_grad():
        tokens = torch.tensor([[tokenizer.bos_token_id, *tokenizer("the cat sat")["input_ids"]]])
        row = model.module(tokens)[0, -1]
    order = row.argsort(descending=True)
    assert found.ids.tolist() == order[:5].tolist()
    assert found.answer == " the"
    assert found.answer_rank == order.tolist().index(target)
    assert found.answer_probability == pytest.approx(float(row.softmax(-1)[target]), abs=1e-6)
    assert "answer ' the': rank" in str(found)


def test_every_position_can_be_asked_for() -> None:
    model = bridge()
    with torch.no_grad():
        row = model(torch.tensor([[3, 1, 4]]))[0, 1]
    assert top_predictions(model, [3, 1, 4], k=1, position=1).ids.item() == int(row.argmax())
    assert len(top_predictions(model, [3], k=10_000).tokens) == VOCABULARY


@settings(max_examples=15)
@given(
    n=st.integers(1, 12),
    k=st.integers(1, 400),
    rows=st.integers(1, 5),
    answer=st.none() | st.integers(0, VOCABULARY - 1),
)
def test_all_positions_against_a_sort(n: int, k: int, rows: int, answer: int | None) -> None:
    model = as_model(bridge())
    ids = torch.randint(0, VOCABULARY, (n,), generator=torch.Generator().manual_seed(n))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outputs, "_CHUNK_BYTES", rows * 4 * VOCABULARY)
        found = predict_positions(run(model, ids[None]), ids, VOCABULARY, k, answer)
    with torch.no_grad():
        logits = model.module(ids[None])[0]
    for position in range(n):
        # Where two logits are alike to the last digits, either may come first.
        row, order = logits[position], logits[position].argsort(descending=True)
        assert len(set(found.ids[position].tolist())) == min(k, VOCABULARY)
        torch.testing.assert_close(row[found.ids[position]], row[order[:k]], rtol=0, atol=1e-5)
        p = row.softmax(-1)
        torch.testing.assert_close(found.probabilities[position], p[order[:k]])
        target = answer if position == n - 1 else int(ids[position + 1])
        if target is None:
            assert found.answer_rank[position] == -1
        else:
            above, near = (row > row[target] + 1e-5).sum(), (row > row[target] - 1e-5).sum()
            assert above <= found.answer_rank[position] < near
            assert float(found.answer_probability[position]) == pytest.approx(
                float(p[target]), rel=1e-5
            )


def test_what_is_refused() -> None:
    model = bridge()
    with pytest.raises(SelectionError, match=r"Position 3 .* 0 to 2"):
        top_predictions(model, [1, 2, 3], position=3)
    with pytest.raises(SelectionError, match="at least 1"):
        top_predictions(model, [1, 2, 3], k=0)
    with pytest.raises(PromptError, match="no tokenizer"):
        top_predictions(model, [1, 2, 3], answer="cat")
