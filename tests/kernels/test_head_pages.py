"""Pages of heads: against plain patterns, sorted and summed, and weights whose answer is known."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import pytest
import torch
from induction_kernels import as_model, head_pages
from induction_kernels.errors import InductionError, ProbeError, SelectionError
from induction_kernels.heads import statistics
from induction_kernels.heads.cells import bytes_of_cells, largest
from induction_kernels.heads.corpus import Corpus
from induction_kernels.heads.intervals import CANDIDATES, candidates, equal_frequency
from induction_kernels.heads.page import KEYS_A_QUERY, LEAST
from induction_kernels.heads.pages import read_by_steps
from induction_kernels.inputs.texts import TextProbe
from planted_induction import PERIOD, planted_induction
from shaken_models import made
from small_models import VOCABULARY, wrapped
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge


def rows_of_tokens(rows: int = 23, length: int = 19) -> Tensor:
    return torch.randint(1, VOCABULARY, (rows, length), generator=torch.Generator().manual_seed(3))


def squares(model: Any, tokens: Tensor, head: tuple[int, int]) -> np.ndarray:
    """[row, query, key] of attention by the library's own eager code, whole."""
    layer, number = head
    with torch.no_grad():
        if isinstance(model, TransformerBridge):
            _, cache = model.run_with_cache(tokens)
            return cache[f"blocks.{layer}.attn.hook_pattern"][:, number].numpy()
        eager = copy.deepcopy(model)
        eager.set_attn_implementation("eager")
        attention = eager(input_ids=tokens, output_attentions=True).attentions
    return attention[layer][:, number].float().numpy()


def some(kind: str) -> Any:
    if kind != "folded":
        return made(kind)
    model = wrapped(made("gpt2"))
    model.enable_compatibility_mode()
    return model


def plain(patterns: np.ndarray, tokens: np.ndarray) -> dict[str, Any]:
    """The same numbers, of whole patterns."""
    inner = np.tril(patterns, -1)[:, 1:, 1:]
    n = tokens.shape[1]
    distances = np.zeros(n)
    looked_from, looked_at = np.zeros(VOCABULARY), np.zeros(VOCABULARY)
    for row, ids in zip(patterns, tokens, strict=True):
        for q in range(1, n):
            for k in range(1, q + 1):
                distances[q - k] += row[q, k]
                looked_from[ids[q]] += row[q, k]
                looked_at[ids[k]] += row[q, k]
    return {
        "strengths": inner.max((1, 2)),
        "distances": distances,
        "first": patterns[:, 1:, 0].mean(),
        "looked_from": looked_from,
        "looked_at": looked_at,
    }


@pytest.mark.parametrize("kind", ["gpt2", "llama", "mistral", "bloom", "gpt_oss", "folded"])
def test_a_page_is_what_plain_patterns_say(kind: str) -> None:
    model, tokens, head = some(kind), rows_of_tokens(), (1, 2)
    found = head_pages(model, tokens, [head, (0, 1)], batch_size=5, progress=False)[head]
    patterns = squares(model, tokens, head)
    expected = plain(patterns, tokens.numpy())
    for name in ("strengths", "distances", "first"):
        np.testing.assert_allclose(getattr(found, name), expected[name], atol=2e-5)
    for name in ("looked_from", "looked_at"):
        np.testing.assert_allclose(getattr(found, name), expected[name][found.tokens], atol=2e-5)
        assert getattr(found, name).sum() == pytest.approx(found.distances.sum())
    counts = np.bincount(tokens[:, 1:].flatten(), minlength=VOCABULARY)
    assert found.counts.tolist() == counts[found.tokens].tolist()
    assert found.tokens.tolist() == np.flatnonzero(counts).tolist()
    for shown in found.sequences:
        check_cells(shown.cells, patterns[shown.row])
        assert shown.tokens.tolist() == tokens[shown.row].tolist()


def check_cells(cells: Any, pattern: np.ndarray) -> None:
    """Of each query the most attended keys, where they get enough, and no others."""
    n = len(pattern)
    assert cells.length == n
    ordered = np.argsort(-pattern, 1)[:, :KEYS_A_QUERY]
    expected = {q * n + k for q in range(n) for k in ordered[q] if pattern[q, k] >= LEAST}
    assert set(cells.at.tolist()) == expected
    assert cells.at.tolist() == sorted(cells.at.tolist())
    np.testing.assert_allclose(cells.attention, pattern[cells.queries, cells.keys], atol=1e-5)


def test_intervals_are_equally_frequent_and_the_top_is_the_top() -> None:
    model, tokens = made("gpt2"), rows_of_tokens(101, 7)
    page = head_pages(model, tokens, [(0, 3)], strongest=6, samples=2, progress=False)[0, 3]
    order = np.argsort(-page.strengths, kind="stable")
    sizes = np.bincount(page.intervals)[1:]
    assert sizes.sum() == 101
    assert np.ptp(sizes) <= 1
    lower = [page.strengths[page.intervals == i] for i in range(1, 6)]
    for below, above in itertools.pairwise(lower):
        assert below.max() <= above.min()
    assert [one.row for one in page.sequences if one.interval == 5] == order[:6].tolist()
    for interval in range(1, 5):
        among = [row for row in candidates(101) if page.intervals[row] == interval]
        shown = {one.row for one in page.sequences if one.interval == interval}
        assert shown == set(among[:2])
    assert [one.strength for one in page.sequences] == sorted(
        (one.strength for one in page.sequences), reverse=True
    )


def test_every_row_of_an_interval_is_sampled_as_often() -> None:
    """Over corpora of rows whose strengths stand in another order each, the sample of an interval
    is uniform: 500 draws of 3 of 40, against a binomial."""
    drawn = np.zeros(200)
    order = candidates(200)
    for seed in range(500):
        strengths = np.random.default_rng(seed).permutation(200).astype(np.float32)
        intervals = equal_frequency(strengths)
        here = [row for row in order if intervals[row] == 2][:3]
        drawn[strengths[here].astype(int)] += 1
    counts = drawn[drawn > 0]
    assert np.flatnonzero(drawn).tolist() == list(range(40, 80))
    assert abs(counts - 500 * 3 / 40).max() < 5 * np.sqrt(500 * 3 / 40)


def test_few_rows_fill_the_highest_interval_first() -> None:
    assert equal_frequency(np.float32([0.5])).tolist() == [5]
    assert equal_frequency(np.float32([0.1, 0.9])).tolist() == [3, 5]
    assert equal_frequency(np.float32([2, 2, 2, 2, 2])).tolist() == [5, 4, 3, 2, 1]
    page = head_pages(made("gpt2"), rows_of_tokens(1, 2), [(0, 0)], progress=False)[0, 0]
    assert [(one.row, one.interval, one.strength) for one in page.sequences] == [(0, 5, 0)]
    assert len(page.distances) == 2


def test_padding_counts_for_nothing() -> None:
    model, tokens = made("llama"), rows_of_tokens(6, 12)
    mask = torch.ones_like(tokens)
    mask[2, 5:] = mask[4, 9:] = 0
    found = head_pages(model, tokens, [(1, 1)], attention_mask=mask, progress=False)[1, 1]
    alone = [head_pages(model, row[None, : int(kept.sum())], [(1, 1)], progress=False)[1, 1]
             for row, kept in zip(tokens, mask, strict=True)]  # fmt: skip
    np.testing.assert_allclose(found.strengths, [one.strengths[0] for one in alone], atol=1e-6)
    total = np.zeros(12)
    for one in alone:
        total[: len(one.distances)] += one.distances
    np.testing.assert_allclose(found.distances, total, atol=1e-5)
    assert found.counts.sum() == int(mask[:, 1:].sum())
    cells = {one.row: one.cells for one in found.sequences}
    for row in (2, 4):
        expected = alone[row].sequences[0].cells
        assert (cells[row].length, cells[row].at.tolist()) == (
            expected.length,
            expected.at.tolist(),
        )
    assert (cells[2].length, cells[4].length) == (5, 9)


def test_a_previous_token_head_looks_one_back_and_nowhere_else() -> None:
    model, tokens, _ = planted_induction()
    page = head_pages(model, tokens, [(0, 0)], progress=False)[0, 0]
    queries = tokens[:, 2:].numel()  # the second looks at the first token, which is left out
    expected = np.zeros(tokens.shape[1])
    expected[1] = queries
    np.testing.assert_allclose(page.distances, expected, atol=1e-4)
    assert page.first == pytest.approx(1 / (tokens.shape[1] - 1), abs=1e-4)
    np.testing.assert_allclose(page.strengths, 1, atol=1e-4)
    n = tokens.shape[1]
    assert page.sequences[0].cells.at.tolist() == [0, *(q * n + q - 1 for q in range(1, n))]
    # It looks at each token as often as that has one after it.
    before = torch.bincount(tokens[:, 1:-1].flatten(), minlength=12)[page.tokens].numpy()
    np.testing.assert_allclose(page.looked_at, before, atol=1e-4)


def test_an_induction_head_looks_a_period_less_one_back() -> None:
    model, tokens, period = planted_induction()
    page = head_pages(model, tokens, [(1, 0)], progress=False)[1, 0]
    expected = np.zeros(tokens.shape[1])
    # In the second copy all of it; in the first, where nothing matches, the same to every key.
    expected[period - 1] = tokens[:, period + 1 :].numel()
    for query in range(1, period + 1):
        expected[:query] += len(tokens) / (query + 1)
    np.testing.assert_allclose(page.distances, expected, atol=1e-3)
    assert period == PERIOD


def test_distances_are_sums_along_diagonals() -> None:
    for rows, keys in ((1, 1), (1, 6), (6, 6), (4, 9)):
        block = torch.rand(2, 3, rows, keys).tril(keys - rows)
        found = statistics.distances(block)
        for distance in range(keys):
            diagonal = block.diagonal(keys - rows - distance, 2, 3).sum(-1)
            torch.testing.assert_close(found[..., distance], diagonal)


@pytest.mark.parametrize("keys", [3, 8, 64, 65, 200, 512])
def test_the_largest_of_groups_are_the_largest(keys: int) -> None:
    a = torch.rand(3, 5, keys)
    values, at = largest(a, 8)
    expected = np.sort(a.numpy(), 2)[..., ::-1][..., :8]
    np.testing.assert_array_equal(np.sort(values, 2)[..., ::-1], expected)
    np.testing.assert_array_equal(np.take_along_axis(a.numpy(), at, 2), values)
    assert at.shape == (3, 5, min(8, keys))


def test_blocks_and_batches_change_nothing(monkeypatch) -> None:
    model, tokens = made("gpt2"), rows_of_tokens(9, 17)
    whole = head_pages(model, tokens, progress=False, batch_size=9)
    monkeypatch.setitem(statistics._BLOCK_BYTES, "cpu", 300)
    small = head_pages(model, tokens, progress=False, batch_size=2)
    for head, page in whole.items():
        for name in ("strengths", "distances", "looked_from", "looked_at"):
            np.testing.assert_allclose(getattr(page, name), getattr(small[head], name), atol=1e-5)
        assert [one.row for one in page.sequences] == [one.row for one in small[head].sequences]
        for one, other in zip(page.sequences, small[head].sequences, strict=True):
            assert one.cells.at.tolist() == other.cells.at.tolist()


def test_what_is_kept_does_not_grow_with_the_corpus() -> None:
    model, tokens = as_model(made("gpt2")), rows_of_tokens(300, 6)
    corpus = Corpus(TextProbe.of(model, tokens), [(0, 0), (1, 3)], 4, 3)
    for _ in read_by_steps(corpus, model, 20):
        for cells in corpus._cells:
            assert len(cells) <= CANDIDATES + 4
            assert sum(c.at.nbytes + c.attention.nbytes for c in cells.values()) <= (
                CANDIDATES + 4
            ) * bytes_of_cells(6)
    assert corpus.done == 300


def test_it_is_known_so_far_and_ends_when_it_is_closed() -> None:
    model, tokens = as_model(made("gpt2")), rows_of_tokens(12, 6)
    corpus = Corpus(TextProbe.of(model, tokens), [(0, 0)], 4, 3)
    steps = read_by_steps(corpus, model, 5)
    next(steps)
    part = corpus.page((0, 0))
    alone = head_pages(model, tokens[:5], [(0, 0)], progress=False)[0, 0]
    np.testing.assert_allclose(part.strengths, alone.strengths)
    np.testing.assert_allclose(part.distances, alone.distances)
    assert part.counts.sum() == 25
    steps.close()
    assert corpus.done == 5
    assert not any(module._forward_hooks for module in model.module.modules())


def test_what_it_cannot_read_is_said() -> None:
    model, tokens = made("gpt2"), rows_of_tokens(3, 6)
    with pytest.raises(ProbeError, match="Row 0 has 1 token"):
        head_pages(model, tokens[:, :1])
    with pytest.raises(SelectionError, match="no head 9"):
        head_pages(model, tokens, [(0, 9)])
    with pytest.raises(SelectionError, match="samples=0 was given"):
        head_pages(model, tokens, samples=0)
    with pytest.raises(ProbeError, match="batch_size=0"):
        head_pages(model, tokens, batch_size=0)
    with pytest.raises(ProbeError, match="tokenizer"):
        head_pages(model, ["a text"])
    with torch.no_grad():
        model.transformer.h[1].attn.c_attn.weight.fill_(torch.nan)
    with pytest.raises(InductionError, match="not finite"):
        head_pages(model, tokens, progress=False)


def test_a_column_that_ends_and_texts_too_short(demo) -> None:
    column = (text for text in ["One two three.", "Four five six seven."])
    assert len(head_pages(demo, column, [(0, 0)], progress=False)[0, 0].strengths) == 2
    with pytest.raises(ProbeError, match="No texts"):
        head_pages(demo, iter(()), [(0, 0)])
    with pytest.raises(ProbeError, match="has 1 tokens"):
        head_pages(demo, ["One two three.", " the"], [(0, 0)])


@pytest.fixture(scope="module")
def demo():
    from induction_kernels import load_demo

    return load_demo("attn-only-1l").load(0)
