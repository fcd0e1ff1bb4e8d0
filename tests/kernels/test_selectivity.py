"""Selectivity against whole patterns read plainly, on the published rows, and hand-made heads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from architectures import sharpened
from hypothesis import given, settings
from hypothesis import strategies as st
from induction_kernels import SCORES, as_model, attention_patterns, head_scores, selectivities
from induction_kernels.attention.cells import read_hooked
from induction_kernels.attention.readout import Reading, of_last_query
from induction_kernels.errors import ProbeError
from induction_kernels.inputs import bigrams
from induction_kernels.inputs.bigrams import Bigrams
from induction_kernels.models.model import Model
from induction_kernels.scores.selectivity import SELECTIVITIES
from small_models import HUGGING_FACE, VOCABULARY, bridge

KINDS = ["induction", "previous", "duplicate", "first", "self", "local"]
NAMES = [f"{kind}_selectivity" for kind in KINDS]


def published(rows: int, length: int = 256, low: int = 100, high: int = 10_000):
    """The rows as the paper's protocol draws them, step by step."""
    rng = np.random.RandomState(42)
    for _ in range(rows):
        seq = rng.randint(low, high, size=length)
        a, b = rng.choice(np.arange(low, high), size=2, replace=False)
        i = rng.randint(20, length // 2)
        seq[i], seq[i + 1] = a, b
        for token, place in ((a, i), (b, i + 1)):
            for k in range(length):
                if k != place and seq[k] == token:
                    seq[k] = rng.randint(low, high)
        seq[length - 1] = a
        yield seq, i


def control_positions(length: int = 256) -> list[int]:
    rng, found = np.random.RandomState(0), []
    while len(found) < 50:
        at = int(rng.randint(1, length - 1))
        if at not in (*found, 0, length - 1, length - 2, *range(length - 6, length - 2)):
            found.append(at)
    return found


def by_hand(last: np.ndarray, first: list[int], controls: list[int]) -> dict[str, float]:
    """From A[query, key] of the last query of every row, [row, key]."""
    n = last.shape[1]
    places = {
        "induction": [row[i + 1] for row, i in zip(last, first, strict=True)],
        "previous": [row[n - 2] for row in last],
        "duplicate": [row[i] for row, i in zip(last, first, strict=True)],
        "first": [row[0] for row in last],
        "self": [row[n - 1] for row in last],
        "local": [np.mean(row[n - 6 : n - 2]) for row in last],
    }
    others = max(np.mean([[row[c] for c in controls] for row in last]), 1e-8)
    return {f"{kind}_selectivity": np.mean(one) / others for kind, one in places.items()}


@pytest.fixture(scope="module")
def wide():
    """A vocabulary and a context that take the published rows."""
    torch.manual_seed(0)
    return sharpened(bridge(d_vocab=10_000, n_ctx=256, d_model=16, d_head=4))


def test_the_first_rows_are_the_published_ones(wide) -> None:
    probe = Bigrams.make(as_model(wide), rows=300)
    for tokens, first, (seq, i) in zip(probe.tokens, probe.first, published(300), strict=True):
        assert tokens.tolist() == seq.tolist()
        assert int(first) == i
    assert probe.controls.tolist() == control_positions()
    assert torch.equal(probe.tokens[:16], Bigrams.make(as_model(wide)).tokens)


@pytest.mark.slow  # 2,000 rows, drawn twice
def test_all_2000_rows_are_the_published_ones(wide) -> None:
    probe = Bigrams.make(as_model(wide), rows=2000)
    expected = list(published(2000))
    assert np.array_equal(probe.tokens.numpy(), np.stack([seq for seq, _ in expected]))
    assert probe.first.tolist() == [i for _, i in expected]


def test_against_whole_patterns_on_the_published_rows(wide) -> None:
    rows = 3
    found = selectivities(wide, rows=rows)
    drawn = list(published(rows))
    for layer, head in [(0, 1), (1, 2), (1, 3)]:
        last = np.stack(
            [
                attention_patterns(wide, torch.tensor(seq), [(layer, head)])[0, -1].numpy()
                for seq, _ in drawn
            ]
        )
        expected = by_hand(last, [i for _, i in drawn], control_positions())
        for name in NAMES:
            assert float(found[name][layer, head]) == pytest.approx(expected[name], rel=1e-4)


def hooked(model: Model, probe: Bigrams) -> dict[str, torch.Tensor]:
    """The six off whole patterns, all rows at once."""
    cells = {s.name: Reading(s.cells(probe), "pattern") for s in SELECTIVITIES}
    others = of_last_query(probe.length, torch.tensor(control_positions(probe.length)))
    found = read_hooked(model, probe.tokens, cells | {"others": Reading(others, "pattern")})
    return {name: found[name] / found["others"].clamp(min=1e-8) for name in NAMES}


def assert_close(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    for name in NAMES:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gemma2"])
def test_fused_against_hooked_on_other_models(kind) -> None:
    torch.manual_seed(0)
    model = as_model(sharpened(HUGGING_FACE[kind]()).eval())
    assert_close(selectivities(model, rows=4), hooked(model, Bigrams.make(model, rows=4)))


def score_of(pattern: torch.Tensor, probe: Bigrams) -> dict[str, float]:
    """The six off one hand-made last row of every pattern, [row, key]."""
    square = torch.zeros(len(pattern), 1, probe.length, probe.length)
    square[:, 0, -1] = pattern
    found = {}
    for score in SELECTIVITIES:
        assert score.against is not None
        value = score.of_cells(score.cells(probe)(square), probe, score.against(probe)(square))
        found[score.name] = float(value)
    return found


def looking_at(kind: str, probe: Bigrams) -> torch.Tensor:
    """All attention of the last token where a perfect head of this class has it."""
    row, n = torch.arange(len(probe.tokens)), probe.length
    pattern = torch.zeros(len(row), n)
    if kind == "local":
        pattern[:, n - 6 : n - 2] = 0.25
        return pattern
    key = {
        "induction": probe.first + 1,
        "previous": torch.full_like(row, n - 2),
        "duplicate": probe.first,
        "first": torch.zeros_like(row),
        "self": torch.full_like(row, n - 1),
    }[kind]
    pattern[row, key] = 1
    return pattern


@pytest.fixture(scope="module")
def probe(wide) -> Bigrams:
    return Bigrams.make(as_model(wide), rows=200)


@pytest.mark.parametrize("kind", KINDS)
def test_a_perfect_head_of_each_class(kind, probe) -> None:
    found = score_of(looking_at(kind, probe), probe)
    others = [found[name] for name in NAMES if name != f"{kind}_selectivity"]
    mine = found[f"{kind}_selectivity"]
    if kind in ("induction", "duplicate"):
        # In so many rows the place is itself one of the 50.
        at = probe.first + (kind == "induction")
        share = sum(int(i) in control_positions() for i in at) / len(at) / 50
        assert mine == pytest.approx(1 / share, rel=1e-5)
        assert 150 < mine < 400
    else:
        assert mine == pytest.approx(1e8 / (4 if kind == "local" else 1), rel=1e-5)
    assert max(others) < 2


def test_even_attention_is_chance(probe) -> None:
    even = torch.full((len(probe.tokens), probe.length), 1 / probe.length)
    assert list(score_of(even, probe).values()) == pytest.approx([1] * 6, rel=1e-5)
    for name in NAMES:
        assert SCORES[name].chance(probe) == pytest.approx(1)  # type: ignore[attr-defined]


@settings(max_examples=15)
@given(
    n_ctx=st.integers(64, 300), d_vocab=st.integers(3, 500), rows=st.integers(1, 5),
    seed=st.integers(0, 9),
)  # fmt: skip
def test_rows_of_any_size(n_ctx: int, d_vocab: int, rows: int, seed: int) -> None:
    model = as_model(bridge(n_ctx=n_ctx, d_vocab=d_vocab, n_layers=1, d_model=4, d_head=1))
    probe = Bigrams.make(model, rows=rows, seed=seed)
    n = min(n_ctx, 256)
    assert probe.tokens.shape == (rows, n)
    assert int(probe.tokens.min()) >= 0
    assert int(probe.tokens.max()) < d_vocab
    for row, i in zip(probe.tokens.tolist(), probe.first.tolist(), strict=True):
        a, b = row[i], row[i + 1]
        assert a != b
        assert [k for k, token in enumerate(row) if token == a] == [i, n - 1]
        assert row.count(b) == 1
        assert 20 <= i < n // 2
    controls = probe.controls.tolist()
    assert len(set(controls)) == 50
    assert not {0, n - 1, n - 2, *range(n - 6, n - 2)} & set(controls)
    assert set(controls) <= set(range(n))


def test_special_tokens_are_not_drawn(tokenizer) -> None:
    model = as_model(bridge(d_vocab=400), tokenizer)
    tokens = Bigrams.make(model, rows=40).tokens
    assert not set(tokens.flatten().tolist()) & set(tokenizer.all_special_ids)
    assert int(tokens.max()) < len(tokenizer)


def test_a_short_context_has_no_selectivities_and_says_so() -> None:
    found = head_scores(bridge(n_ctx=63))
    assert not set(NAMES) & set(found.data_vars)
    assert sum("context of 63" in why for why in found.attrs["left_out"]) == 6
    with pytest.raises(ProbeError, match="context of 63"):
        head_scores(bridge(n_ctx=63), NAMES)
    assert set(head_scores(bridge(n_ctx=64), NAMES).data_vars) == set(NAMES)


@pytest.mark.parametrize("rows", [0, -1, 1.5, True])
@pytest.mark.unchecked
def test_rows_that_are_none_are_refused(rows) -> None:
    with pytest.raises(ProbeError, match="rows="):
        selectivities(bridge(), rows=rows)


def test_what_is_said_of_them() -> None:
    tokens = torch.randint(0, VOCABULARY, (2, 8)).repeat(1, 2)
    found = head_scores(bridge(), NAMES, tokens, period=8)
    attrs = found["induction_selectivity"].attrs
    assert attrs["source"] == "arXiv 2606.02378"
    assert attrs["range"] == "0 to 1e+08"
    assert attrs["chance"] == pytest.approx(1)
    assert attrs["probe"] == "bigrams"
    assert attrs["probe_batch"] == bigrams.ROWS


def test_many_rows_are_read_as_few_are() -> None:
    """More than are run at a time."""
    model = as_model(bridge(n_ctx=64))
    assert_close(selectivities(model, rows=70), hooked(model, Bigrams.make(model, rows=70)))
