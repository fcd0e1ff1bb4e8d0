"""Hand-made patterns with known scores, and every readout against a loop that cannot be wrong."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from induction_kernels.attention import readout
from induction_kernels.attention.lines import Line
from induction_kernels.errors import ProbeError

PERIODS = st.integers(2, 12)
LEADS = st.integers(0, 1)


def uniform(n: int) -> torch.Tensor:
    """Attention spread evenly over the past, [1, 1, n, n]."""
    return (torch.ones(n, n).tril() / torch.arange(1, n + 1)[:, None])[None, None]


def attending(n: int, key_of) -> torch.Tensor:
    """Each query q puts all its attention on key_of(q), or on itself where that is no key."""
    pattern = torch.zeros(n, n)
    for q in range(n):
        key = key_of(q)
        pattern[q, key if 0 <= key <= q else q] = 1
    return pattern[None, None]


@given(PERIODS, LEADS)
def test_a_perfect_induction_head_scores_one_and_nothing_else(period: int, lead: int) -> None:
    n = lead + 2 * period
    pattern = attending(n, lambda q: q - period + 1)
    assert readout.induction(period, lead)(pattern) == 1
    assert readout.prefix_matching(period, 2, lead)(pattern) == 1
    assert readout.duplicate_token(period, lead)(pattern) == 0


@given(PERIODS, LEADS)
def test_a_perfect_duplicate_token_head(period: int, lead: int) -> None:
    pattern = attending(lead + 2 * period, lambda q: q - period)
    assert readout.duplicate_token(period, lead)(pattern) == 1
    assert readout.induction(period, lead)(pattern) == 0


@given(st.integers(2, 40))
def test_a_perfect_previous_token_head(n: int) -> None:
    assert readout.previous_token(n)(attending(n, lambda q: q - 1)) == 1
    assert readout.first_token(n)(attending(n, lambda q: 0)) == 1


def test_induction_looks_at_the_token_after_the_earlier_copy() -> None:
    # BOS a b c a b c: at the second a (q=4) the token after the first a is b, at key 2.
    cells = readout.induction(period=3, lead=1)
    assert list(zip(cells.queries.tolist(), cells.keys.tolist(), strict=True)) == [
        (4, 2),
        (5, 3),
        (6, 4),
    ]


def test_prefix_matching_adds_up_all_earlier_copies() -> None:
    # Half the attention on each of two earlier successors is a perfect head, not half of one.
    period, copies, lead = 3, 3, 1
    pattern = torch.zeros(10, 10)
    for q in range(4, 7):
        pattern[q, q - period + 1] = 1
    for q in range(7, 10):
        pattern[q, q - period + 1] = pattern[q, q - 2 * period + 1] = 0.5
    assert readout.prefix_matching(period, copies, lead)(pattern[None, None]) == 1


@given(PERIODS, st.integers(2, 5), LEADS)
def test_cells_stay_below_the_diagonal_and_in_the_sequence(
    period: int, copies: int, lead: int
) -> None:
    n = lead + copies * period
    for cells in (
        readout.induction(period, lead),
        readout.duplicate_token(period, lead),
        readout.prefix_matching(period, copies, lead),
        readout.previous_token(n),
        readout.first_token(n),
    ):
        assert (cells.keys >= 0).all()
        assert (cells.keys <= cells.queries).all()
        assert (cells.queries < n).all()


@given(PERIODS, st.integers(2, 5), LEADS)
def test_lines_are_the_cells(period: int, copies: int, lead: int) -> None:
    n = lead + copies * period
    for cells in (
        readout.induction(period, lead),
        readout.duplicate_token(period, lead),
        readout.prefix_matching(period, copies, lead),
        readout.previous_token(n),
        readout.first_token(n),
    ):
        in_line = [
            (q, line.key + line.step * (q - line.query))
            for line in cells.lines
            for q in range(line.query, line.query + line.length)
        ]
        assert in_line == list(zip(cells.queries.tolist(), cells.keys.tolist(), strict=True))


@given(st.integers(0, 5), st.integers(0, 5), st.integers(1, 6), st.booleans(), st.integers(1, 7))
def test_what_is_seen_of_a_line_is_what_is_there(
    later: int, key: int, length: int, down: bool, size: int
) -> None:
    """Part by part, and nothing of it is copied."""
    whole = Line(key + later, key, length, step=0 if down else 1)
    queries, keys = whole.queries, whole.keys
    assert (keys <= queries).all()
    square = torch.rand(2, 3, 16, 16)
    vectors = torch.rand(2, 3, 16, 4)
    for line in (whole, *whole.split(size)):
        seen = (line.at_queries(vectors), line.at_keys(vectors), line.at_cells(square))
        owners = (vectors, vectors, square)
        for view, owner in zip(seen, owners, strict=True):
            assert view.untyped_storage().data_ptr() == owner.untyped_storage().data_ptr()
    parts = list(whole.split(size))
    assert all(part.length <= size for part in parts)
    cells = torch.cat([part.at_cells(square) for part in parts], 2)
    assert torch.equal(cells, square[:, :, queries, keys])
    assert torch.equal(
        torch.cat([part.at_queries(vectors) for part in parts], 2), vectors[:, :, queries]
    )
    of_keys = [part.at_keys(vectors).expand(-1, -1, part.length, -1) for part in parts]
    assert torch.equal(torch.cat(of_keys, 2), vectors[:, :, keys])


@given(PERIODS, st.integers(2, 5), LEADS, st.integers(0, 1000))
def test_every_readout_against_a_loop(period: int, copies: int, lead: int, seed: int) -> None:
    n = lead + copies * period
    generator = torch.Generator().manual_seed(seed)
    pattern = torch.rand(2, 3, n, n, generator=generator).tril()

    second = range(lead + period, lead + 2 * period)
    later = range(lead + period, n)
    loops = {
        readout.previous_token(n): [[(q, q - 1)] for q in range(1, n)],
        readout.first_token(n): [[(q, 0)] for q in range(1, n)],
        readout.duplicate_token(period, lead): [[(q, q - period)] for q in second],
        readout.induction(period, lead): [[(q, q - period + 1)] for q in second],
        readout.prefix_matching(period, copies, lead): [
            # Earlier occurrences of the token at q are at q - kP, inside the copies.
            [(q, q - k * period + 1) for k in range(1, copies) if q - k * period >= lead]
            for q in later
        ],
    }
    for cells, rows in loops.items():
        for head in range(3):
            per_query = [
                sum(float(pattern[b, head, q, k]) for q, k in row) for b in range(2) for row in rows
            ]
            slow = sum(per_query) / len(per_query)
            assert float(cells(pattern)[head]) == pytest.approx(slow, abs=1e-6)


@given(PERIODS, st.integers(2, 5), LEADS)
def test_chance_is_what_uniform_attention_reads(period: int, copies: int, lead: int) -> None:
    n = lead + copies * period
    for cells in (
        readout.previous_token(n),
        readout.induction(period, lead),
        readout.prefix_matching(period, copies, lead),
    ):
        assert cells.uniform() == pytest.approx(float(cells(uniform(n))), abs=1e-6)


def test_chance_of_the_default_probe() -> None:
    # scores.md, for orientation: about 0.0139 on the stripe of a period of 50.
    assert readout.induction(50, 1).uniform() == pytest.approx(0.0132, abs=0.001)


@given(st.lists(st.lists(st.integers(0, 4), min_size=6, max_size=6), min_size=1, max_size=4))
def test_natural_induction_against_a_loop(rows: list[list[int]]) -> None:
    tokens = torch.tensor(rows)
    pattern = torch.rand(len(rows), 2, 6, 6, generator=torch.Generator().manual_seed(0))
    total, queries = torch.zeros(2), 0
    for b, row in enumerate(rows):
        for q in range(6):
            after = [j + 1 for j in range(q) if row[j] == row[q] and j + 1 < q]
            queries += bool(after)
            for k in after:
                total += pattern[b, :, q, k]
    if not queries:
        with pytest.raises(ProbeError, match="comes again"):
            readout.natural_induction(tokens)
        return
    found = readout.natural_induction(tokens)
    assert found.queries_in(len(rows)) == queries
    torch.testing.assert_close(found(pattern), total / queries)
    # In two parts as in one.
    parts = [slice(0, 1), slice(1, len(rows))]
    sums = [found.of_part(p)(pattern[p]) * found.of_part(p).queries_in(1) for p in parts]
    torch.testing.assert_close(sums[0] + sums[1], total)


def test_natural_induction_does_not_count_the_query_itself() -> None:
    """In "a a" what followed the first a is the second itself: looking there is no induction."""
    tokens = torch.tensor([[7, 5, 5, 5, 9]])
    found = readout.natural_induction(tokens)
    assert list(zip(found.queries.tolist(), found.keys.tolist(), strict=True)) == [(3, 2)]
    assert found.queries_in(1) == 1
    resting = torch.eye(5)[None, None]  # every query on itself
    assert float(found(resting)) == 0


@pytest.mark.parametrize("rows", [[[1, 2, 3], [3, 2, 1]], [[1, 2, 2], [3, 3, 1]]])
def test_a_text_without_repetition_has_no_natural_induction(rows) -> None:
    with pytest.raises(ProbeError, match="comes again"):
        readout.natural_induction(torch.tensor(rows))


@given(st.integers(2, 40))
def test_entropy_of_even_and_of_sharp_rows(n: int) -> None:
    assert float(readout.entropy(n)(uniform(n))) == pytest.approx(1, abs=1e-6)
    assert readout.entropy(n)(attending(n, lambda q: q - 1)) == 0
    half = torch.zeros(1, 1, n, n)
    half[..., 0] += 0.5
    half[0, 0, range(n), range(n)] += 0.5
    expected = sum(math.log(2) / math.log(q + 1) for q in range(1, n)) / (n - 1)
    assert float(readout.entropy(n)(half)) == pytest.approx(expected, abs=1e-6)
