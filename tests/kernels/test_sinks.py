"""The fraction of attention sinks: off whole patterns, of made-up heads, in the losses' passes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from architectures import sharpened
from induction_kernels import CheckpointSeries, as_model, attention_patterns, measures
from induction_kernels.losses import sinks
from induction_kernels.losses.measure import MEASURES
from induction_kernels.losses.sinks import Sinks
from induction_kernels.losses.tokens import token_losses_by_steps
from small_models import HUGGING_FACE, VOCABULARY, bridge, variants


def rows(count: int, n: int) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (count, n), generator=torch.Generator().manual_seed(5))


def by_hand(model, tokens: torch.Tensor, length: int = 64) -> np.ndarray:
    """α₁ of Gu et al., [layer, head]: the mean over rows and queries, the first included."""
    found = np.zeros((2, 4))
    for layer, head in np.ndindex(2, 4):
        each = [attention_patterns(model, row, [(layer, head)])[0] for row in tokens]
        found[layer, head] = np.mean([[float(a[q, 0]) for q in range(length)] for a in each])
    return found


@pytest.mark.parametrize("kind", ["gpt2", "gemma2"])
def test_against_whole_patterns(kind) -> None:
    torch.manual_seed(0)
    model = as_model(sharpened(HUGGING_FACE[kind]()).eval())
    tokens, seen = rows(5, 70), Sinks(70)
    for _ in token_losses_by_steps(model, tokens, batch_size=2, forward=seen.run):
        seen.keep()
    expected = by_hand(model, tokens)
    assert seen.attention.numpy() == pytest.approx(expected, abs=1e-5)
    assert float(seen.fraction) == pytest.approx((expected > 0.3).mean())


def test_the_measure_counts_heads_above_the_threshold_in_passes_of_the_losses(monkeypatch) -> None:
    model = bridge()
    states = variants(model, 2)
    for name in states[1]:  # queries and keys that a bias decides, which is the first position's
        if name.endswith(("q.weight", "k.weight")):
            states[1][name] = states[1][name] * 6
    series = CheckpointSeries.from_state_dicts(model, states)
    tokens, passes = rows(4, 70), []
    plain = sinks.run_fused
    monkeypatch.setattr(sinks, "run_fused", lambda *a: (passes.append(1), plain(*a))[1])
    found = measures(series, tokens, progress=False)
    assert len(passes) == 2  # one batch of rows a checkpoint, which the losses are read off, too
    for index in range(2):
        alpha = by_hand(series.load(index), tokens)
        assert float(found["sink_fraction"][index]) == pytest.approx((alpha > 0.3).mean())
    assert found["sink_fraction"].attrs["units"] == "1"
    assert found["loss"].attrs["units"] == "nat"


def test_one_head_of_four_on_the_first_token() -> None:
    seen = Sinks(64)
    seen._last = (3 * torch.tensor([[0.31, 0.3, 0.05, 0.9], [0.0, 0.1, 0.2, torch.nan]]), 3)
    assert bool(seen.fraction.isnan())  # nothing was kept yet
    seen.keep()
    assert float(seen.fraction) == pytest.approx(2 / 7)


def test_a_pass_that_is_run_again_is_counted_once() -> None:
    model, tokens, seen = as_model(bridge()), rows(4, 70), Sinks(70)
    seen.run(model, tokens)  # as if it had run out of memory after that
    for part in (tokens[:2], tokens[2:]):
        seen.run(model, part)
        seen.keep()
    assert seen.attention.numpy() == pytest.approx(by_hand(model, tokens), abs=1e-5)


def test_short_rows_have_a_short_mean() -> None:
    model, tokens, seen = as_model(bridge()), rows(2, 9), Sinks(9)
    seen.run(model, tokens)
    seen.keep()
    assert seen.attention.numpy() == pytest.approx(by_hand(model, tokens, 9), abs=1e-5)


def test_it_is_said_to_be_a_share() -> None:
    assert MEASURES["sink_fraction"].units == "1"
    assert "q < 64" in MEASURES["sink_fraction"].formula
    assert "0.3" in MEASURES["sink_fraction"].formula
