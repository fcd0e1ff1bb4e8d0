"""What is drawn over training of a model too large to be asked at every checkpoint unasked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from induction_explorer import InductionExplorer
from induction_explorer.analyses.ablation import Ablation
from induction_explorer.analyses.predictions import Predictions
from induction_explorer.series.session import SeriesSession
from induction_kernels import ablate, top_predictions
from induction_kernels.errors import InductionError
from wire_page import Page

NEAREST_FIRST = [2, 3, 1, 0]
#: Each with the analysis that answers it.
QUESTIONS: dict[str, tuple[type, dict[str, Any]]] = {
    "predictions": (Predictions, {}),
    "ablation": (Ablation, {"heads": [[1, 0]], "how": "zero", "frozen": False}),
}
PROMPT, ANSWER = "the cat sat on the cat", " sat"


@pytest.fixture(autouse=True)
def too_many(monkeypatch) -> None:
    """Whatever the model: one checkpoint is quick, all of them are not."""
    monkeypatch.setattr("induction_explorer.series.budget.PARAMETER_PASSES", 0)
    monkeypatch.setattr("induction_explorer.channel.worker.STEP", 0)


@pytest.fixture
def large(series) -> Iterator[InductionExplorer]:
    explorer = InductionExplorer(series, checkpoint=2, prompt=PROMPT, answer=ANSWER)
    explorer.wait()
    yield explorer
    explorer.close()


def at_the_second(monkeypatch, kind: str, do: Any) -> list[int]:
    """What is done before the second checkpoint's first pass; the checkpoints begun, in order."""
    analysis, begun = QUESTIONS[kind][0], []
    steps = analysis.steps

    def watched(self, at: Any) -> Any:
        begun.append(at.checkpoint)
        if len(begun) == 2:
            do()
        yield from steps(self, at)

    monkeypatch.setattr(analysis, "steps", watched)
    return begun


@pytest.mark.parametrize("kind", QUESTIONS)
def test_where_the_slider_rests_it_is_answered_unasked(large, kind: str) -> None:
    assert large._series[0]["light"] is False
    assert large._prompts[0]["scrub"] is False
    parts = Page(large).ask(kind, checkpoints=[2, 0], **QUESTIONS[kind][1])
    assert [i for part, _ in parts for i in part["checkpoints"]] == [2, 0]


@pytest.mark.parametrize("kind", QUESTIONS)
def test_every_checkpoint_is_computed_only_after_its_cost_was_said(large, kind: str) -> None:
    analysis, fields = QUESTIONS[kind]
    page, session = Page(large), large._session
    session.loading = 30.0
    ((reply, _),) = page.ask(kind, checkpoints=NEAREST_FIRST, **fields)
    assert reply["error"]["anyway"] is True
    words = r"(\d+) forward pass(?:es)?, about .+ a checkpoint, about (.+) for 4 checkpoints\.$"
    said = re.search(words, reply["error"]["message"])
    assert said is not None, reply["error"]["message"]
    heads = {name: value for name, value in fields.items() if name != "heads"}
    asked = analysis(heads=((1, 0),), **heads) if fields else analysis()
    assert int(said[1]) == asked.passes(session)
    assert said[2] == "2 minutes"
    parts = page.ask(kind, checkpoints=NEAREST_FIRST, anyway=True, **fields)
    assert [part["checkpoints"] for part, _ in parts] == [[i] for i in NEAREST_FIRST]


@pytest.mark.slow
def test_the_answers_are_the_kernels_own(large, series) -> None:
    page = Page(large)
    losses = page.ask("predictions", checkpoints=NEAREST_FIRST, anyway=True)
    ablated = page.ask(
        "ablation", checkpoints=NEAREST_FIRST, anyway=True, **QUESTIONS["ablation"][1]
    )
    own = series.replica()
    for (part, arrays), (_, without) in zip(losses, ablated, strict=True):
        model = own.model(part["checkpoints"][0])
        expected = top_predictions(model, PROMPT, answer=ANSWER)
        assert arrays["answer_rank"][0, -1] == expected.answer_rank
        found = ablate(model, [(1, 0)], controls=0)
        assert without["loss_change"][0] == pytest.approx(found.loss_change, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", QUESTIONS)
def test_a_stop_keeps_what_is_there_and_the_next_click_goes_on(
    large, kind: str, monkeypatch
) -> None:
    page, stop = Page(large), {"id": "r1", "kind": "cancel"}
    begun = at_the_second(monkeypatch, kind, lambda: page.ask_meanwhile(stop))
    fields = QUESTIONS[kind][1]
    page.ask(kind, checkpoints=NEAREST_FIRST, anyway=True, **fields)
    assert begun == [2, 3]
    assert large._status["state"] == "ready"
    parts = page.ask(kind, checkpoints=NEAREST_FIRST, anyway=True, **fields)
    assert parts[-1][0]["done"]
    assert begun[2:] in ([3, 1, 0], [1, 0])  # a pass that ran is kept
    assert np.isfinite([float(np.ravel(a[next(iter(a))])[0]) for _, a in parts]).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", QUESTIONS)
def test_a_click_elsewhere_is_answered_before_the_rest(large, kind: str, monkeypatch) -> None:
    """Another head's pattern, and the same where the slider has moved to."""
    page, fields = Page(large), QUESTIONS[kind][1]

    click = {"id": "click", "kind": "attended", "checkpoints": [0], "token": 1}
    slider = {"id": "slider", "kind": kind, "checkpoints": [0], **fields}
    begun = at_the_second(monkeypatch, kind, lambda: page.ask_meanwhile(click, slider))
    page.ask(kind, checkpoints=NEAREST_FIRST, anyway=True, **fields)
    assert begun == [2, 3, 0, 1]
    last = {content["id"]: number for number, (content, _) in enumerate(page.sent)}
    assert last["click"] < last["r1"]
    assert last["slider"] < last["r1"]


@pytest.mark.parametrize("kind", QUESTIONS)
def test_a_new_prompt_ends_it_and_is_answered(large, kind: str, monkeypatch) -> None:
    page, fields = Page(large), QUESTIONS[kind][1]

    prompt = {"id": "prompt", "kind": "prompt", "text": "on the cat", "answer": ANSWER}
    now = {"id": "now", "kind": "predictions", "checkpoints": [2]}
    begun = at_the_second(monkeypatch, kind, lambda: page.ask_meanwhile(prompt, now))
    page.ask(kind, checkpoints=NEAREST_FIRST, anyway=True, **fields)
    assert begun[:2] == [2, 3]
    assert not {1, 0} & {*begun}
    ((part, _),) = page.parts("now")
    assert part["done"]


def test_what_failed_is_said_when_the_rest_is_there_and_is_tried_again(large, monkeypatch) -> None:
    page, load = Page(large), SeriesSession.load

    def fail(self, checkpoint: int, then: int | None = None) -> Any:
        if checkpoint == 3:
            raise InductionError("The disk is full.")
        return load(self, checkpoint, then)

    with monkeypatch.context() as patch:
        patch.setattr(SeriesSession, "load", fail)
        parts = page.ask("predictions", checkpoints=NEAREST_FIRST, anyway=True)
    assert [part["checkpoints"] for part, _ in parts[:-1]] == [[2], [1], [0]]
    assert parts[-1][0]["error"]["message"] == "The disk is full."
    assert "anyway" not in parts[-1][0]["error"]
    ((part, _),) = page.ask("predictions", checkpoints=[3], anyway=True)
    assert part["done"]


@pytest.mark.slow
def test_on_a_series_that_is_small_enough_nobody_need_insist(series, monkeypatch) -> None:
    monkeypatch.setattr("induction_explorer.series.budget.PARAMETER_PASSES", 10**12)
    explorer = InductionExplorer(series, prompt=PROMPT, answer=ANSWER)
    explorer.wait()
    for kind, (_, fields) in QUESTIONS.items():
        parts = Page(explorer).ask(kind, checkpoints=NEAREST_FIRST, **fields)
        assert sorted(i for part, _ in parts for i in part["checkpoints"]) == [0, 1, 2, 3]
