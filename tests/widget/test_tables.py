"""Tables hold what has been computed so far, and it is what the kernels compute."""

from __future__ import annotations

import numpy as np
import pytest
from induction_explorer.series.datasets import measures_of, scores_of
from induction_explorer.series.session import SeriesSession
from induction_kernels import load_demo, measures, sweep
from induction_kernels.errors import CheckpointError

TEXT = np.random.default_rng(0).integers(1, 500, (8, 100))


@pytest.fixture
def session() -> SeriesSession:
    return SeriesSession(load_demo("attn-only-2l").select([0, 10, 20]), TEXT)


def test_measures_are_those_of_the_kernels_on_the_same_text(session) -> None:
    for checkpoint in range(3):
        list(session.measure(checkpoint))
    found = measures_of(session)
    early, late = map(int, found.attrs["in_context_learning_positions"].split(", "))
    expected = measures(session.series.replica(), TEXT, positions=(early, late), progress=False)
    assert set(found.data_vars) == set(expected.data_vars)
    for name, values in expected.data_vars.items():
        same = values.sel(position=found.position) if "position" in values.dims else values
        assert found[name].values == pytest.approx(same.values, abs=1e-6, nan_ok=True), name
    table = found[["loss", "in_context_learning"]].to_dataframe()
    assert table["loss"].tolist() == expected.loss.values.tolist()
    assert table["tokens"].tolist() == session.series.tokens


def test_what_is_not_computed_yet_is_nan(session) -> None:
    list(session.measure(1))
    list(session.score(2))
    loss = measures_of(session).to_dataframe()["loss"].groupby("checkpoint").first()
    assert loss.isna().tolist() == [True, False, True]
    scores = scores_of(session).to_dataframe()["induction"]
    assert scores.groupby("checkpoint").count().tolist() == [0, 0, 16]
    expected = sweep(session.series.replica().select([2]), ["induction"], progress=False)
    assert scores.loc[2].to_numpy() == pytest.approx(expected.induction.values.ravel(), abs=1e-6)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (CheckpointError("It is cut off.", "Fetch it again."), "It is cut off. Fetch it again."),
        (OSError("no such file"), "OSError: no such file"),
        (KeyError("embed"), "KeyError: 'embed'"),
    ],
)
def test_why_a_checkpoint_failed_names_what_is_no_error_of_ours(
    session, monkeypatch, error, said
) -> None:
    def fail(*_args: object, **_how: object) -> None:
        raise error

    monkeypatch.setattr(session.series, "model", fail)
    list(session.measure(2))
    list(session.score(2))
    assert session.measured.faults == {2: said}
    assert session.faults == {2: said}


def test_a_table_is_a_copy(session) -> None:
    list(session.score(2))
    scores_of(session).induction.values[:] = 7
    assert np.nanmax(session.grids["induction"]) <= 1
