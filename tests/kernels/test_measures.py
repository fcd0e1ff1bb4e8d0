"""Measures against losses written out, on text of every kind."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from induction_kernels import CheckpointSeries, as_model, load_demo, measures
from induction_kernels.errors import CheckpointError, ProbeError
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.inputs.texts import TextProbe
from induction_kernels.losses import sinks
from induction_kernels.losses import tokens as losses
from induction_kernels.losses.measure import MEASURES
from induction_kernels.losses.measures import Measurer
from induction_kernels.losses.tokens import slope_by_log_position
from small_models import VOCABULARY, bridge, variants


@pytest.fixture
def series(tokenizer) -> CheckpointSeries:
    model = bridge()
    return CheckpointSeries.from_state_dicts(
        model, variants(model), tokens=[0, 10, 100, 1000], tokenizer=tokenizer
    )


def rows(count: int = 5, n: int = 70) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (count, n), generator=torch.Generator().manual_seed(5))


def losses_by_hand(model, tokens: torch.Tensor) -> np.ndarray:
    """-ln p of every next token, [row, pos-1], one at a time."""
    with torch.no_grad():
        logits = model(tokens).double()
    found = np.empty((tokens.shape[0], tokens.shape[1] - 1))
    for b, row in enumerate(tokens.tolist()):
        for i in range(len(row) - 1):
            found[b, i] = float(logits[b, i].logsumexp(0) - logits[b, i, row[i + 1]])
    return found


def test_against_losses_by_hand(series) -> None:
    tokens = rows()
    found = measures(series, tokens, progress=False)
    assert set(found.data_vars) == set(MEASURES)
    for index in range(4):
        model = series.load(index)
        by_hand = losses_by_hand(model, tokens)
        here = found.isel(checkpoint=index)
        assert float(here["loss"]) == pytest.approx(by_hand.mean(), rel=1e-5)
        assert here["loss_by_position"].values == pytest.approx(by_hand.mean(0), rel=1e-5)
        # Of 128 positions: 0.05 and 0.49.
        expected = np.mean([row[62] - row[6] for row in by_hand])
        assert float(here["in_context_learning"]) == pytest.approx(expected, abs=1e-4)
        probe = RepeatedTokens.make(as_model(model))
        second = [
            loss
            for row in losses_by_hand(model, probe.tokens)
            for i, loss in enumerate(row)
            if probe.lead + probe.period <= i  # the second copy's first token cannot be known
        ]
        assert float(here["induction_loss"]) == pytest.approx(np.mean(second), rel=1e-5)
        chosen = [row[i] for row, i in zip(by_hand, here["chosen_position"].values, strict=True)]
        assert here["token_loss"].values == pytest.approx(chosen, rel=1e-4)


def counted(forward, passes: list[torch.Size]):
    def run(model, tokens, *others):
        passes.append(tokens.shape)
        return forward(model, tokens, *others)

    return run


def test_one_forward_a_batch_of_text_serves_every_measure(series, monkeypatch) -> None:
    model = as_model(series.load(0))
    measurer = Measurer(model, TextProbe.of_tokens(model, rows()))
    passes: list[torch.Size] = []
    for module, name in ((sinks, "run_fused"), (sinks, "run"), (losses, "run")):
        monkeypatch.setattr(module, name, counted(getattr(module, name), passes))
    found = measurer(model)
    assert set(found) == set(MEASURES)
    assert passes == [measurer.text.tokens.shape, measurer.repeated.tokens.shape]


@given(st.integers(1, 300), st.floats(0.01, 3), st.integers(0, 9))
def test_the_slope_is_that_of_a_line_fitted_around_each_position(n, reach, seed) -> None:
    curve = torch.randn(n, generator=torch.Generator().manual_seed(seed))
    found = slope_by_log_position(curve, reach)
    x = np.log(np.arange(1, n + 1))
    for i in range(0, n, max(1, n // 7)):
        near = np.abs(x - x[i]) <= reach
        near[max(0, i - 1) : i + 2] = True
        if near.sum() < 2:
            assert math.isnan(float(found[i]))
            continue
        expected = np.polyfit(x[near], curve.numpy()[near].astype(float), 1)[0]
        assert float(found[i]) == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_the_slope_of_a_straight_line_in_log_position() -> None:
    curve = 5 - 0.7 * torch.arange(1, 500).log()
    assert slope_by_log_position(curve, 0.5).numpy() == pytest.approx(-0.7, abs=1e-4)


def test_what_is_known_of_the_numbers(series) -> None:
    found = measures(series, rows(), progress=False)
    assert found["tokens"].values.tolist() == [0, 10, 100, 1000]
    assert found["loss_by_position"].dims == ("checkpoint", "position")
    assert found.attrs["text"] == "token ids of your own"
    assert found.attrs["in_context_learning_positions"] == "6, 62"
    again = measures(series.select([0]), rows(), progress=False)
    assert again.attrs["text_hash"] == found.attrs["text_hash"]


def test_texts_of_ones_own(series) -> None:
    texts = ["the cat sat on the mat. " * 20, "a dog ran after the cat and the cat ran. " * 20]
    found = measures(series, texts, progress=False)
    assert found.attrs["text_rows"] == 2
    assert math.isfinite(found["loss"].values.sum())


def test_short_texts_say_which_positions_they_lack(series) -> None:
    with pytest.raises(
        ProbeError, match=r"positions 6 and 62; .* have 19 losses.*positions=\(0, 9\)"
    ):
        measures(series, rows(n=20), progress=False)
    found = measures(series, rows(n=20), positions=(0, 9), progress=False)
    difference = found["loss_by_position"][:, 9] - found["loss_by_position"][:, 0]
    assert found["in_context_learning"].values == pytest.approx(difference.values, abs=1e-5)
    with pytest.raises(ProbeError, match=r"have 2 losses\. Give texts of at least 64 tokens\.$"):
        measures(series, [[1, 2, 3]], progress=False)  # nothing to scale down to
    with pytest.raises(ProbeError, match="an early and a later one"):
        measures(series, rows(n=20), positions=(9, 3), progress=False)


def test_what_cannot_be_read(series) -> None:
    with pytest.raises(ProbeError, match="No texts"):
        measures(series, [], progress=False)
    with pytest.raises(ProbeError, match="Text 1 has 1 token"):
        measures(series, ["the cat sat", "a"], progress=False)
    without = CheckpointSeries.from_state_dicts(bridge(), variants(bridge()))
    with pytest.raises(ProbeError, match="no tokenizer"):
        measures(without, progress=False)
    assert measures(without, rows(), progress=False)["loss"].shape == (4,)


def test_token_ids_in_lists(series) -> None:
    tokens = rows()
    found, expected = (measures(series, t, progress=False) for t in (tokens.tolist(), tokens))
    assert found.equals(expected)
    with pytest.raises(ProbeError, match="have 2 to 3 tokens"):
        measures(series, [[1, 2, 3], [4, 5]], progress=False)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([["a", "b"]], "something else than token ids"),
        (["fine", {"text": "a row, not its text"}], "one of type dict"),
        ([3, 4], "one of type int"),
    ],
)
def test_what_is_no_text(series, texts, said) -> None:
    with pytest.raises(ProbeError, match=said):
        measures(series, texts, progress=False)


def test_a_broken_checkpoint_is_a_gap_and_named() -> None:
    model = bridge()
    weights = variants(model)
    weights[2]["blocks.0.attn.q.weight"][:] = torch.nan
    with pytest.warns(match=r"step 2: .*holds NaN"):
        found = measures(CheckpointSeries.from_state_dicts(model, weights), rows(), progress=False)
    assert np.isnan(found["loss"].values).tolist() == [False, False, True, False]
    with pytest.raises(CheckpointError, match="could be measured"):
        measures(
            CheckpointSeries.from_state_dicts(model, weights).select([2]), rows(), progress=False
        )


@pytest.mark.slow
def test_the_default_text_is_fixed_and_held_out() -> None:
    """The bundled series learn in-context: on text that none of them was trained on."""
    series = load_demo("attn-only-2l").select([0, -1])
    model = series.model(0)
    probe = TextProbe.default(model)
    assert probe.hash == TextProbe.default(model).hash
    assert probe.tokens.shape == (256, 128)
    assert (probe.tokens[:, 0] == model.bos_id).all()
    first, last = (Measurer(model, probe)(series.model(i)) for i in (0, 1))
    assert math.log(1024) - 0.1 < float(first["loss"]) < math.log(1024) + 1
    assert float(last["loss"]) < float(first["loss"]) - 2
    assert float(last["in_context_learning"]) < float(first["in_context_learning"]) - 0.2
    assert float(last["induction_loss"]) < 1 < float(first["induction_loss"])
