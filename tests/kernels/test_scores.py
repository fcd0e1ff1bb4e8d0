"""head_scores: against a loop over whole patterns, its probes, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from induction_kernels import SCORES, as_model, attention_patterns, head_scores
from induction_kernels.errors import InductionError, ProbeError, SelectionError
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.losses.measure import MEASURES
from induction_kernels.scores.registry import UNASKED
from small_models import VOCABULARY, bridge


def repeated(batch: int, period: int, copies: int, bos: int | None = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    r = [torch.randperm(300, generator=generator)[:period] + 1 for _ in range(batch)]
    rows = torch.stack(r).repeat(1, copies)
    return rows if bos is None else torch.cat([torch.full((batch, 1), bos), rows], 1)


def test_induction_against_a_loop_over_whole_patterns() -> None:
    model, period = bridge(), 9
    ids = repeated(3, period, 2)
    fast = head_scores(model, ["induction", "previous_token"], ids, period=period)
    for layer in range(2):
        for head in range(4):
            induction, previous = [], []
            for row in ids:
                a = attention_patterns(model, row, [(layer, head)])[0]
                induction += [
                    float(a[q, q - period + 1]) for q in range(1 + period, 1 + 2 * period)
                ]
                previous += [float(a[q, q - 1]) for q in range(1, len(row))]
            assert float(fast["induction"][layer, head]) == pytest.approx(
                sum(induction) / len(induction), abs=1e-6
            )
            assert float(fast["previous_token"][layer, head]) == pytest.approx(
                sum(previous) / len(previous), abs=1e-6
            )


@settings(max_examples=12)
@given(
    layers=st.integers(1, 3),
    heads=st.integers(1, 4),
    period=st.integers(2, 12),
    copies=st.integers(2, 4),
    bos=st.booleans(),
)
def test_shapes_and_ranges(layers: int, heads: int, period: int, copies: int, bos: bool) -> None:
    model = bridge(n_layers=layers, n_heads=heads)
    ids = repeated(2, period, copies, 0 if bos else None)
    found = head_scores(model, tokens=ids, period=period)
    assert set(found.data_vars) == set(UNASKED)
    for values in found.values():
        assert values.dims == ("layer", "head")
        assert values.shape == (layers, heads)
        assert values.dtype == "float32"
        if values.attrs["range"] != "unbounded":
            low, high = map(float, values.attrs["range"].split(" to "))
            assert ((values >= low - 1e-6) & (values <= high + 1e-6)).all()


def test_the_default_probe() -> None:
    probe = RepeatedTokens.make(as_model(bridge()))
    assert probe.tokens.shape == (10, 100)  # no BOS is known without a tokenizer
    assert (probe.period, probe.copies, probe.lead) == (50, 2, 0)
    first, second = probe.tokens[:, :50], probe.tokens[:, 50:]
    assert torch.equal(first, second)
    assert all(len(set(row.tolist())) == 50 for row in first)
    assert torch.equal(RepeatedTokens.make(as_model(bridge())).tokens, probe.tokens)


def test_the_probe_prepends_bos_and_avoids_special_tokens(tokenizer) -> None:
    # Embedding rows beyond the tokenizer's tokens are padding, not vocabulary.
    model = as_model(bridge(d_vocab=400), tokenizer)
    probe = RepeatedTokens.make(model, batch=40)
    bos = tokenizer.bos_token_id
    assert probe.tokens.shape == (40, 101)
    assert (probe.tokens[:, 0] == bos).all()
    assert not (probe.tokens[:, 1:] == bos).any()
    assert int(probe.tokens.max()) < len(tokenizer)


def test_the_probe_shrinks_to_the_context() -> None:
    probe = RepeatedTokens.make(as_model(bridge(n_ctx=32)))
    assert probe.period == 16
    with pytest.raises(ProbeError, match="context of 3"):
        RepeatedTokens.make(as_model(bridge(n_ctx=3)))


def test_results_say_where_they_come_from() -> None:
    found = head_scores(bridge(), "induction")
    assert found.attrs["model"] == "native"
    assert found.attrs["weights"] == "raw"
    assert found.attrs["dtype"] == "float32"
    assert found["induction"].attrs["chance"] == pytest.approx(0.0137, abs=1e-3)
    assert found["induction"].attrs["probe_hash"]


@pytest.mark.parametrize(
    ("ids", "period", "said"),
    [
        (repeated(2, 8, 2), 7, "do not repeat every 7"),
        (repeated(2, 8, 2), 1, "period=1 does not fit"),
        (repeated(2, 8, 2), 9, "period=9 does not fit"),
        (repeated(2, 8, 2)[:, :-1], 8, "do not repeat every 8"),
        (torch.arange(17)[None], 8, "do not repeat every 8"),
        (repeated(2, 8, 2) + VOCABULARY, 8, "outside the vocabulary"),
        (-repeated(2, 8, 2), 8, "outside the vocabulary"),
        (repeated(2, 70, 2), 70, "at most 128"),
        (torch.zeros(0, 4, dtype=torch.long), 2, "shape"),
    ],
)
def test_tokens_without_the_structure_are_refused(ids, period, said) -> None:
    with pytest.raises(ProbeError, match=said):
        head_scores(bridge(), "induction", ids, period=period)


@pytest.mark.unchecked
def test_tokens_that_are_no_ids_are_refused() -> None:
    with pytest.raises(ProbeError, match=r"type torch\.float32"):
        head_scores(bridge(), "induction", torch.rand(2, 4), period=2)


def test_bos_written_over_the_first_token_is_noticed() -> None:
    ids = repeated(2, 8, 2, bos=None)
    ids[:, 0] = 0
    with pytest.raises(ProbeError, match="prepend BOS, do not overwrite"):
        head_scores(bridge(), "induction", ids, period=8)


def test_tokens_and_period_go_together() -> None:
    with pytest.raises(SelectionError, match="without period"):
        head_scores(bridge(), "induction", repeated(2, 8, 2))
    with pytest.raises(SelectionError, match="without tokens"):
        head_scores(bridge(), "induction", period=8)


def test_unknown_scores_and_heads_are_named() -> None:
    with pytest.raises(SelectionError, match=r"no score 'inductoin'.*previous_token"):
        head_scores(bridge(), ["inductoin"])
    with pytest.raises(IndexError, match=r"no head 4 in layer 1.*0 to 3"):
        attention_patterns(bridge(), [1, 2, 3], [(1, 4)])
    with pytest.raises(IndexError, match="Layers go from 0 to 1"):
        attention_patterns(bridge(), [1, 2, 3], [(-1, 0)])


def test_nan_weights_are_found() -> None:
    model = bridge()
    head_scores(model, "induction")
    with torch.no_grad():
        model.state_dict()["blocks.1.attn.q.weight"][0, 0] = torch.nan
    with pytest.raises(InductionError, match=r"induction of L1H0 .* is not a number"):
        head_scores(model, "induction")


def test_formulas_say_what_is_computed() -> None:
    """Where a definition leaves a choice, or departs from its source, the reader is told."""
    assert "less its mean over the vocabulary" in SCORES["ov_copying"].formula
    assert "each key by itself" in SCORES["copying"].meaning
    assert "output" in SCORES["copying_output"].formula
    assert "k < q" in SCORES["natural_induction"].formula
    assert "but its first token" in MEASURES["induction_loss"].formula
