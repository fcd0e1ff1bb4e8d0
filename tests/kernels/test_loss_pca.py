"""Components of per-token losses against an eigendecomposition; paths with known turns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from induction_kernels import CheckpointSeries, loss_pca, measures
from induction_kernels.errors import ProbeError
from induction_kernels.losses.components import find_turn
from small_models import VOCABULARY, bridge, variants


def by_eigenvectors(every: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centred = every - every.mean(0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    best = vectors[:, ::-1][:, :2]
    best = best * np.sign(best[np.abs(best).argmax(0), [0, 1]])
    return centred @ best, values[::-1][:2] / values.sum()


@given(st.integers(3, 9), st.integers(3, 9), st.integers(2, 40), st.integers(0, 9))
def test_the_joint_fit_is_that_of_the_covariance(first, second, rows, seed) -> None:
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.5, 5, rows)
    losses = {"a": rng.normal(size=(first, rows)) * scale, "b": rng.normal(size=(second, rows))}
    found = loss_pca(losses)
    points, explained = by_eigenvectors(np.concatenate(list(losses.values())))
    together = np.concatenate([found["a"].points, found["b"].points])
    assert found["a"].explained == pytest.approx(explained, abs=1e-9)
    assert np.abs(together) == pytest.approx(np.abs(points), abs=1e-6)
    assert together == pytest.approx(points, abs=1e-6) or rows < 3  # two loadings may tie


def test_the_standardised_variant_fits_each_series_alone() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(3, 2, (12, 30)), rng.normal(5, 1, (9, 30))
    one[:, 4] = 2.5  # never changes: no spread to divide by
    found = loss_pca({"one": one, "other": other}, standardised=True)
    alone = loss_pca({"one": one}, standardised=True)
    assert found["one"].points == pytest.approx(alone["one"].points)
    spread = np.where(one.std(0) > 0, one.std(0), 1)
    points, explained = by_eigenvectors((one - one.mean(0)) / spread)
    assert found["one"].points == pytest.approx(points, abs=1e-6)
    assert found["one"].explained == pytest.approx(explained)


def test_a_lost_checkpoint_is_a_gap() -> None:
    losses = np.random.default_rng(1).normal(size=(8, 20))
    whole = loss_pca({"a": np.delete(losses, 3, 0)})["a"]
    losses[3] = np.nan
    found = loss_pca({"a": losses})["a"]
    assert np.isnan(found.points[3]).all()
    assert np.delete(found.points, 3, 0) == pytest.approx(whole.points)


def test_measures_are_taken_as_they_are() -> None:
    model = bridge()
    series = CheckpointSeries.from_state_dicts(model, variants(model))
    tokens = np.random.default_rng(0).integers(0, VOCABULARY, (6, 70))
    found = measures(series, tokens, progress=False)
    assert loss_pca({"a": found})["a"].points == pytest.approx(
        loss_pca({"a": found["token_loss"].values})["a"].points
    )
    others = measures(series, tokens[::-1].copy(), progress=False)
    with pytest.raises(ProbeError, match="a and b were measured on different tokens"):
        loss_pca({"a": found, "b": others})


def test_what_cannot_be_fitted() -> None:
    with pytest.raises(ProbeError, match="a has losses at 2 checkpoints"):
        loss_pca({"a": np.zeros((2, 5))})
    with pytest.raises(ProbeError, match="'a': 5, 'b': 6"):
        loss_pca({"a": np.zeros((4, 5)), "b": np.zeros((4, 6))})
    with pytest.raises(ProbeError, match="No losses"):
        loss_pca({})


def test_the_turn_of_a_path_with_a_corner() -> None:
    x = np.arange(21.0)
    along = np.minimum(x, 12)[:, None] * [1, 0] + np.maximum(x - 12, 0)[:, None] * [0, 1]
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(50, 2)))[0]
    turn = find_turn(x, along @ directions.T)
    assert turn is not None
    assert turn.x == 12
    assert turn.degrees == pytest.approx(90, abs=5)
    assert turn.interval[0] <= 12 <= turn.interval[1]
    straight = find_turn(x, x[:, None] * directions[:, 0])
    assert straight is not None
    assert straight.degrees < 1
    assert find_turn(x[:4], along[:4]) is None
