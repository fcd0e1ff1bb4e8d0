"""What one head looks for at a query, and what it writes of it: against attribution, whole
matrices, and weights whose answer is known."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from architectures import ARCHITECTURES
from induction_kernels import attention_patterns, direct_logit_attribution, head_tokens
from induction_kernels.errors import SelectionError, UnsupportedModelError
from induction_kernels.scores.of_outputs import unembedding
from planted_induction import PERIOD, STRENGTH, VOCABULARY, planted_induction
from shaken_models import made, some_ids
from small_models import wrapped
from torch import Tensor


def everything(model: Any, ids: Tensor, head: tuple[int, int], query: int) -> Any:
    """Of all keys and the whole vocabulary."""
    return head_tokens(model, ids[0], head, query, keys=99, k=10_000)


@pytest.mark.parametrize("kind", ["gpt2", "gpt_neox", "llama", "qwen3", "mistral", "gpt_oss"])
def test_what_it_writes_of_its_keys_is_in_all_its_attribution(kind: str) -> None:
    model, ids = made(kind), some_ids()
    for query in (0, 7, 11):
        found = everything(model, ids, (1, 2), query)
        of_keys = torch.zeros(query + 1, 320)
        raised = torch.tensor([[int(text) for text in row] for row in found.raised.values])
        of_keys.scatter_(1, raised, torch.tensor(found.raised_by.values))
        summed = torch.tensor(found.attention.values) @ of_keys
        for token in (5, 77):
            whole = direct_logit_attribution(model, ids[0], token)["heads"].values[1, 2, query]
            assert float(summed[token]) == pytest.approx(float(whole), abs=2e-5)
        lowered = torch.tensor([[int(text) for text in row] for row in found.lowered.values])
        assert torch.equal(lowered.flip(1)[:, 0], raised[:, 0])
        torch.testing.assert_close(torch.tensor(found.lowered_by.values).flip(1),
                                   torch.tensor(found.raised_by.values))  # fmt: skip


@pytest.mark.parametrize(
    "kind", sorted(ARCHITECTURES.keys() - {"gemma2", "gemma3", "olmo2", "deepseek_v3"})
)
def test_its_keys_are_those_that_it_attends_to(kind: str) -> None:
    model, ids = made(kind), some_ids()
    pattern = attention_patterns(model, ids[0], [(1, 1)])[0, 9, :10]
    found = head_tokens(model, ids[0], (1, 1), 9, keys=4)
    expected = pattern.topk(4)
    assert found.key.values.tolist() == expected.indices.tolist()
    torch.testing.assert_close(torch.tensor(found.attention.values), expected.values)
    assert list(found.token.values) == [str(int(ids[0, key])) for key in expected.indices]
    ordered = torch.tensor(found.score.values)
    assert bool((ordered.diff() <= 1e-6).all())
    ratio = (ordered[0] - ordered[-1]).exp()
    assert float(ratio) == pytest.approx(float(expected.values[0] / expected.values[-1]), rel=1e-4)


def test_scores_are_less_their_mean_over_the_keys_that_are_seen() -> None:
    found = head_tokens(made("mistral"), some_ids(40)[0], (1, 0), 39, keys=40)
    seen = found.score.values[found.attention.values > 0]
    assert len(seen) == 20  # its window
    assert float(seen.mean()) == pytest.approx(0, abs=1e-5)
    assert all(torch.tensor(found.score.values[20:]).isnan())


@pytest.mark.parametrize("sign", [1, -1])
def test_a_planted_head_copies_what_it_looks_for(sign: int) -> None:
    model, tokens, _ = planted_induction(sign)
    query = 1 + PERIOD + 2
    found = head_tokens(model, tokens[0], (1, 0), query, keys=2, k=1)
    assert int(found.key[0]) == query - PERIOD + 1
    assert float(found.attention[0]) == pytest.approx(1, abs=1e-5)
    assert float(found.score[0]) > 50
    tokens_moved, by = ("raised", "raised_by") if sign == 1 else ("lowered", "lowered_by")
    assert found[tokens_moved].values[0, 0] == str(int(tokens[0, query - PERIOD + 1]))
    expected = sign * STRENGTH * (1 - 1 / VOCABULARY)
    assert float(found[by][0, 0]) == pytest.approx(expected, abs=1e-5)


def test_the_vocabulary_is_read_some_rows_at_a_time(monkeypatch) -> None:
    model, ids = made("llama"), some_ids()
    whole = head_tokens(model, ids[0], (0, 3))
    monkeypatch.setattr(unembedding, "_CHUNK", 7)
    found = head_tokens(model, ids[0], (0, 3))
    assert found.raised.equals(whole.raised)
    assert found.lowered.equals(whole.lowered)
    assert found.raised_by.values == pytest.approx(whole.raised_by.values, abs=1e-5)


def test_what_cannot_be_is_refused() -> None:
    model, ids = made("gpt2"), some_ids()[0]
    with pytest.raises(SelectionError, match="no head 9 in layer 0"):
        head_tokens(model, ids, (0, 9))
    with pytest.raises(SelectionError, match="Position 12 is outside"):
        head_tokens(model, ids, (0, 0), 12)
    with pytest.raises(SelectionError, match="keys=0 and k=5"):
        head_tokens(model, ids, (0, 0), keys=0)
    folded = wrapped(model)
    folded.enable_compatibility_mode(disable_warnings=True)
    with pytest.raises(UnsupportedModelError, match="compatibility mode changed the weights"):
        head_tokens(folded, ids, (0, 0))
