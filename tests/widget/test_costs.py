"""What an answer costs, in passes and in words, and who is asked before it is paid."""

from __future__ import annotations

import re

import pytest
from induction_explorer import CheckpointSeries, InductionExplorer
from induction_explorer.analyses.wiring import Wiring
from induction_explorer.contract import Analysis, in_words
from induction_explorer.series import budget
from msgspec import inspect
from small_models import bridge, variants


@pytest.fixture
def explorer(tokenizer) -> InductionExplorer:
    model = bridge(n_layers=3, n_heads=2, d_head=16)
    series = CheckpointSeries.from_state_dicts(model, variants(model), tokenizer=tokenizer)
    return InductionExplorer(series)


def test_a_wiring_costs_a_pass_for_every_head_below_and_one_more(explorer) -> None:
    session = explorer._session
    costs = {head: Wiring(head).passes(session) for head in session.every_head}
    alone = costs[0, 0]
    assert costs == {(layer, head): (1 + 2 * layer) * alone for layer, head in costs}


def test_what_is_too_large_says_what_it_costs_each(explorer, monkeypatch) -> None:
    monkeypatch.setattr(budget, "PASS", 0)
    wiring = Wiring((2, 1))
    said = {}
    for checkpoints in (1, 4):
        with pytest.raises(budget.TooLargeError) as refused:
            budget.check(wiring, explorer._session, None, checkpoints)
        said[checkpoints] = refused.value.message
    assert re.search(rf" {wiring.passes(explorer._session):,} forward passes, about .+\.$", said[1])
    assert "a checkpoint" not in said[1]
    assert said[1].startswith("Finding what feeds a head takes long in ")
    each, whole = said[4].split(" a checkpoint, ")
    assert each == said[1][:-1]
    assert re.search(r"^about .+ for 4 checkpoints\.$", whole)


def test_how_fast_a_model_is_is_learnt_from_what_is_large(explorer) -> None:
    session = explorer._session
    session.time(budget.PASS / 100, 60)  # a short prompt, whose pass read the weights
    assert session.pace is None
    session.time(2 * budget.PASS, 4)
    assert session.pace == budget.PASS / 2
    session.time(budget.PASS / 100, 60)
    assert session.pace == budget.PASS / 2


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "a second"),
        (1.4, "a second"),
        (1.5, "2 seconds"),
        (1.6, "2 seconds"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (150, "2 minutes"),
        (3599, "60 minutes"),
        (3600, "1 hour"),
        (7300, "2 hours"),
    ],
)
def test_how_long_it_takes_is_said_in_its_unit(seconds: float, words: str) -> None:
    assert str(budget.Cost(2000, seconds)) == f"2,000 forward passes, about {words}"


def test_one_pass_is_one() -> None:
    assert str(budget.Cost(1, 0)) == "1 forward pass, about a second"
    assert str(budget.Cost(2, 0)) == "2 forward passes, about a second"


def test_what_a_field_may_hold_is_said_of_all_its_types() -> None:
    class Asked(Analysis, frozen=True):
        one: int | None
        many: tuple[str, ...]

    words = {field.name: in_words(field.type) for field in inspect.type_info(Asked).fields}
    assert set(words["one"].split(" or ")) == {"a whole number", "null"}
    assert words["many"] == "a list, each text"
