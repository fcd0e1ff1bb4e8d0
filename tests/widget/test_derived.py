"""What is made of whole curves, on curves that are made up: quick, where test_findings is real."""

from __future__ import annotations

import numpy as np
import pytest
from declared import fields
from induction_explorer import CheckpointSeries
from induction_explorer.series.datasets import measures_of, scores_of
from induction_explorer.series.derived import UNKNOWN, Findings, components_of, phases_of
from induction_explorer.series.measured import Measured
from induction_explorer.series.session import SeriesSession
from induction_kernels import loss_pca, phase_changes
from made_up import Many, learning


@pytest.fixture(scope="module")
def session() -> SeriesSession:
    return learning("one")


def test_the_page_is_told_what_the_kernels_find(session) -> None:
    found = phase_changes(measures_of(session), scores_of(session))
    told = phases_of(session, "tokens")
    assert found.window is not None
    assert found.turn is not None
    window = found.changes[found.window]
    assert told["window"] == {
        "from": window.start,
        "to": window.end,
        "from_interval": list(window.start_interval),
        "to_interval": list(window.end_interval),
    }
    turn = {"at": found.turn.x, "interval": list(found.turn.interval)}
    assert told["turn"] == turn | {"degrees": found.turn.degrees}
    assert told["text"] == found.text
    assert set(told) == fields("PhaseInfo")


def test_every_change_has_its_place_in_the_order_and_its_distance_to_the_window(session) -> None:
    found = phase_changes(measures_of(session), scores_of(session))
    told = phases_of(session, "tokens")["order"]
    for one, (name, dated) in zip(told, found.order().items(), strict=True):
        assert set(one) == fields("DatedChange")
        assert (one["at"], one["interval"]) == (dated.middle, list(dated.middle_interval))
        assert one["speaks"] == (name == found.window)
        behind = None if name == found.window else found.lead(found.window, name)
        assert one["lag"] == (None if behind is None else [behind.lag, *behind.interval])
        change = found.changes.get(name)  # the turn is none
        assert one["span"] == (change and [change.start, change.end])
        assert one["p"] == (change and [change.p_value, change.p_error])
    assert sum(one["speaks"] for one in told) == 1
    assert [one["curve"] for one in told if one["span"] is None] == ["turn of the path of losses"]
    assert told[-1]["curve"] == "prefix matching L0H1"


def test_in_steps_the_same_is_found(session) -> None:
    """Of which each is a million tokens."""
    tokens, steps = phases_of(session, "tokens"), phases_of(session, "steps")
    assert steps["window"]["from"] == pytest.approx(tokens["window"]["from"] / 1e6, rel=0.01)
    assert steps["order"][-1]["at"] == pytest.approx(tokens["order"][-1]["at"] / 1e6, rel=0.01)


def test_why_nothing_is_found_is_said() -> None:
    short = SeriesSession(CheckpointSeries(Many(3)))
    told = phases_of(short, "tokens")
    assert told == UNKNOWN | {"text": told["text"]}
    assert "needs 10 checkpoints; there are 0" in told["text"]
    assert components_of([short]) == ({}, "A path needs losses at three checkpoints or more.")


def test_losses_at_three_checkpoints_make_a_path_and_two_do_not() -> None:
    for known, keys in ((3, 4), (2, 0)):
        session = learning("one")
        session.measured.arrays["token_loss"][known:] = np.nan
        assert len(components_of([session])[0]) == keys


def compare(arrays: dict[str, np.ndarray], name: str, losses: dict, **how: bool) -> None:
    for number, one in loss_pca(losses, **how).items():
        assert arrays[f"{number}/{name}"] == pytest.approx(one.points, abs=1e-4)
        explained = arrays[f"{number}/{name}_explained"]
        assert explained == pytest.approx(one.explained, abs=1e-5)
        assert explained.dtype == arrays[f"{number}/{name}"].dtype == np.float32


def test_series_on_the_same_text_lie_in_one_plane_and_others_do_not(session, monkeypatch) -> None:
    empty, other = SeriesSession(CheckpointSeries(Many(3))), learning("other", at=12, seed=1)
    losses = {"0": session.measured.arrays["token_loss"], "2": other.measured.arrays["token_loss"]}
    sessions = [session, empty, other]
    assert components_of([session])[1] == "one fit"
    found, text = components_of(sessions)
    assert text == "one fit over all series"
    assert len(found) == 8
    compare(found, "loss_pca", losses)
    compare(found, "loss_pca_standardised", losses, standardised=True)
    hashes = property(lambda one: one._series.name)
    monkeypatch.setattr(Measured, "text_hash", hashes)
    found, text = components_of(sessions)
    assert text == ("a fit for each series, because their tokenizers read the text differently")
    for number, values in losses.items():
        compare(found, "loss_pca", {number: values})
    compare(found, "loss_pca_standardised", losses, standardised=True)


def test_findings_are_those_of_every_series_in_their_common_unit(session) -> None:
    other = learning("other", at=12, seed=1)
    found = Findings([session, other])
    assert (found.phases, found.components, found.components_text) == ([], {}, "")
    found.find()
    assert found.phases == [phases_of(session, "tokens"), phases_of(other, "tokens")]
    assert found.components.keys() == components_of([session, other])[0].keys()
    assert found.components_text == "one fit over all series"
