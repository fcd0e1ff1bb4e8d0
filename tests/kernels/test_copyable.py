"""Which tokens an induction head could have copied, and the losses there and elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from induction_kernels import copyable, load_demo, measures, token_losses
from induction_kernels.errors import ProbeError
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.inputs.texts import TextProbe


def by_hand(row: list[int]) -> list[bool]:
    """As the definition says it."""
    return [
        any(row[j] == row[i] and row[j + 1] == row[i + 1] for j in range(i))
        for i in range(len(row) - 1)
    ]


@given(st.integers(1, 4), st.integers(2, 30), st.integers(1, 6), st.integers(0, 99))
def test_against_the_definition_token_by_token(count, length, vocabulary, seed) -> None:
    tokens = torch.from_numpy(
        np.random.default_rng(seed).integers(vocabulary, size=(count, length))
    )
    assert copyable(tokens).tolist() == [by_hand(row) for row in tokens.tolist()]


@given(st.lists(st.integers(2, 12), min_size=1, max_size=4), st.booleans(), st.integers(0, 99))
def test_padding_is_not_copyable_and_makes_nothing_so(lengths, before, seed) -> None:
    random, longest = np.random.default_rng(seed), max(lengths)
    rows = [random.integers(3, size=length).tolist() for length in lengths]
    padding = [[0] * (longest - length) for length in lengths]  # a token that the text has too
    tokens = [p + r if before else r + p for p, r in zip(padding, rows, strict=True)]
    mask = [
        [0] * len(p) + [1] * len(r) if before else [1] * len(r) + [0] * len(p)
        for p, r in zip(padding, rows, strict=True)
    ]
    found = copyable(torch.tensor(tokens), attention_mask=mask).tolist()
    nothing = [[False] * len(p) for p in padding]
    for row, here, none in zip(rows, found, nothing, strict=True):
        assert here == (none + by_hand(row) if before else by_hand(row) + none)


def test_of_repeated_tokens_all_of_the_second_copy_but_its_first_is() -> None:
    probe = RepeatedTokens.make(load_demo("attn-only-2l").model(0))
    start = probe.lead + probe.period
    expected = torch.zeros(probe.tokens.shape[1] - 1, dtype=torch.bool)
    expected[start : start + probe.period - 1] = True
    assert (copyable(probe.tokens) == expected).all()


def test_a_token_that_comes_three_times_in_a_row_is() -> None:
    assert copyable(torch.tensor([[5, 5, 5]])).tolist() == [[False, True]]


def test_another_continuation_is_not() -> None:
    assert not copyable(torch.tensor([[1, 2, 3, 1, 4]])).any()


def test_large_vocabularies_do_not_run_over() -> None:
    last = 2**31 - 1
    assert copyable(torch.tensor([[last, last - 1, 0, last, last - 1]]))[0].tolist() == [
        False, False, False, True,
    ]  # fmt: skip


@pytest.mark.unchecked
@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1], [2]], [[[1, 2]]]])
def test_other_shapes_are_refused_in_words(tokens) -> None:
    with pytest.raises(ProbeError, match=r"Give token ids \[row, pos\], with at least two"):
        copyable(torch.tensor(tokens))


def test_masks_that_do_not_fit_are_refused_in_words() -> None:
    with pytest.raises(ProbeError, match="attention_mask has shape"):
        copyable(torch.ones(2, 3, dtype=torch.long), attention_mask=[[1, 1]])


@pytest.fixture(scope="module")
def trained():
    series = load_demo("attn-only-2l").select([0, -1])
    return series, measures(series, progress=False)


def test_the_losses_are_means_over_both_parts_of_the_text(trained) -> None:
    series, found = trained
    text = TextProbe.default(series.model(-1)).tokens
    losses = token_losses(series.load(-1), text).double()
    here = torch.tensor([by_hand(row) for row in text.tolist()])
    last = found.isel(checkpoint=-1)
    assert float(last["copyable_loss"]) == pytest.approx(float(losses[here].mean()), rel=1e-5)
    assert float(last["other_loss"]) == pytest.approx(float(losses[~here].mean()), rel=1e-5)
    share = float(here.double().mean())
    assert found.attrs["copyable_share"] == pytest.approx(share)
    parts = share * last["copyable_loss"] + (1 - share) * last["other_loss"]
    assert float(parts) == pytest.approx(float(last["loss"]), rel=1e-5)


def test_training_lowers_the_loss_of_copyable_tokens_more(trained) -> None:
    _, found = trained
    before, after = found.isel(checkpoint=0), found.isel(checkpoint=-1)
    assert abs(float(before["copyable_loss"] - before["other_loss"])) < 0.1  # random weights
    assert float(after["other_loss"] - after["copyable_loss"]) > 1


def test_a_text_without_any_has_no_loss_of_them() -> None:
    series = load_demo("attn-only-1l").select([-1])
    rows = torch.randperm(600)[None, :100] + 10
    found = measures(series, rows, progress=False)
    assert found.attrs["copyable_share"] == 0
    assert np.isnan(found["copyable_loss"]).all()
    assert found["other_loss"].values == pytest.approx(found["loss"].values, rel=1e-6)
