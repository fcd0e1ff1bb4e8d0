"""What the page is told of the curves is what the kernels find in them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from declared import fields
from front_end import array
from induction_explorer import InductionExplorer
from induction_explorer.series.derived import phases_of
from induction_explorer.series.session import session_of
from induction_kernels import load_demo, loss_pca, phase_changes, sweep
from induction_kernels.changes.series import in_words

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def two() -> Iterator[InductionExplorer]:
    """Its losses are of a sixteenth of the text, which tells as well where heads form."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("induction_explorer.series.budget.ROWS", 16)
        found = InductionExplorer([load_demo("attn-only-1l"), load_demo("attn-only-2l")])
        found.wait()
        yield found
        found.close()


def test_phase_changes_of_every_series(two) -> None:
    one_layer, two_layers = two._phases
    assert one_layer["window"] is None
    assert "none found" in one_layer["text"]
    two.series = 1
    expected = phase_changes(two.measures(), two.scores())
    assert expected.window is not None
    window = expected.changes[expected.window]
    assert two_layers["window"]["from"] == window.start
    assert expected.turn is not None
    assert two_layers["turn"]["at"] == expected.turn.x
    assert two_layers["window"]["to_interval"] == list(window.end_interval)


def test_the_order_of_the_changes(two) -> None:
    two.series = 1
    found = phase_changes(two.measures(), two.scores())
    order = two._phases[1]["order"]
    assert len(order) == len(found.changes) + 1  # and the turn
    assert [one["at"] for one in order] == sorted(one["at"] for one in order)
    speaking = [one for one in order if one["speaks"]]
    assert [one["curve"] for one in speaking] == [in_words(found.window)]
    assert speaking[0]["lag"] is None
    assert found.window is not None
    spoken = found.changes[found.window]
    assert speaking[0]["p"] == [spoken.p_value, spoken.p_error]
    assert 0 <= spoken.p_error <= spoken.p_value < 0.05
    head = next(one for one in order if one["curve"].startswith("prefix matching L1"))
    behind = found.lead(found.window, head["curve"].replace(" ", "_", 1))
    assert head["lag"] == [behind.lag, *behind.interval]
    assert head["span"][0] < head["at"] < head["span"][1]
    turn = next(one for one in order if one["span"] is None)
    assert turn["at"] == found.turn.x
    assert turn["p"] is None
    assert turn["lag"][1] <= turn["lag"][0] <= turn["lag"][2]
    assert set(two._phases[0]) == fields("PhaseInfo")
    assert set(turn) == fields("DatedChange")
    assert set(two._phases[1]["window"]) == fields("FoundWindow")


def test_components_are_fitted_jointly(two) -> None:
    losses = {
        str(number): session.measured.arrays["token_loss"]
        for number, session in enumerate(two._sessions)
    }
    for name, standardised in (("loss_pca", False), ("loss_pca_standardised", True)):
        expected = loss_pca(losses, standardised=standardised)
        for number in ("0", "1"):
            sent = two._measures[f"{number}/{name}"]
            points = array(sent)
            assert points == pytest.approx(expected[number].points, abs=1e-4)
    assert two._components_of == "one fit over all series"


def test_tables_are_what_the_kernels_return(two) -> None:
    two.series = 1
    series = load_demo("attn-only-2l")
    scores = two.scores()
    expected = sweep(series.select([3, 20]), ["induction", "ov_copying"], progress=False)
    for name in expected.data_vars:
        assert scores[name].values[[3, 20]] == pytest.approx(expected[name].values, abs=1e-6)
    assert scores.tokens.values.tolist() == series.tokens
    table = scores.to_dataframe()
    assert table.loc[(20, 1, 2), "induction"] == scores.induction.values[20, 1, 2]
    assert two.measures()["loss"].shape == (len(series),)
    assert session_of(series).measured.text_hash == two.measures().attrs["text_hash"]


def test_a_short_series_says_why_nothing_is_found() -> None:
    short = InductionExplorer(load_demo("attn-only-2l").select([0, 10, 20]))
    short.wait()
    assert "needs 10 checkpoints; there are 3" in short._phases[0]["text"]
    assert "0/loss_pca" in short._measures
    single = InductionExplorer(load_demo("attn-only-2l").select([0]))
    single.wait()
    assert "three checkpoints" in single._components_of


def test_phase_changes_are_in_the_unit_of_the_page(two) -> None:
    """In steps where another series does not know its tokens."""
    session = two._sessions[1]
    step_size = session.series.tokens[-1] / session.series.steps[-1]
    tokens, steps = phases_of(session, "tokens"), phases_of(session, "steps")
    assert tokens == two._phases[1]
    assert steps["window"]["to"] <= session.series.steps[-1]
    assert steps["window"]["from"] * step_size == pytest.approx(tokens["window"]["from"], rel=0.02)
    assert steps["turn"]["at"] * step_size == pytest.approx(tokens["turn"]["at"], rel=0.02)
    assert [one["curve"] for one in steps["order"]] == [one["curve"] for one in tokens["order"]]
