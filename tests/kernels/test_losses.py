"""Losses and predictions against the definitions written out."""

from __future__ import annotations

import math

import pytest
import torch
from induction_kernels import as_model, in_context_learning, token_losses, top_predictions
from induction_kernels.errors import ProbeError, PromptError, SelectionError
from induction_kernels.losses import in_context_learning_positions
from small_models import VOCABULARY, bridge


def ids(batch: int, n: int) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (batch, n), generator=torch.Generator().manual_seed(1))


def test_token_losses_against_a_loop() -> None:
    model, tokens = bridge(), ids(3, 12)
    losses = token_losses(model, tokens, batch_size=2)
    assert losses.shape == (3, 11)
    with torch.no_grad():
        logits = model(tokens).double()
    for row in range(3):
        for i in range(11):
            scores = logits[row, i]
            p = math.exp(scores[tokens[row, i + 1]] - scores.logsumexp(0))
            assert float(losses[row, i]) == pytest.approx(-math.log(p), abs=1e-5)


def test_in_context_learning_compares_two_positions() -> None:
    assert in_context_learning_positions(1024) == (50, 500)
    assert in_context_learning_positions(128) == (6, 62)
    losses = torch.zeros(4, 127)
    losses[:, 6], losses[:, 62] = 3.0, 2.5
    assert in_context_learning(losses, 128) == -0.5
    with pytest.raises(ProbeError, match="at least 64 tokens"):
        in_context_learning(losses[:, :62], 128)


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


def test_what_is_refused() -> None:
    model = bridge()
    with pytest.raises(SelectionError, match=r"Position 3 .* 0 to 2"):
        top_predictions(model, [1, 2, 3], position=3)
    with pytest.raises(SelectionError, match="at least 1"):
        top_predictions(model, [1, 2, 3], k=0)
    with pytest.raises(PromptError, match="no tokenizer"):
        top_predictions(model, [1, 2, 3], answer="cat")
    with pytest.raises(ProbeError, match="no next token"):
        token_losses(model, ids(2, 1))
