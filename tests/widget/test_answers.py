"""What a page hears, whatever else is kept, dropped or goes wrong beside it."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import induction_explorer.analyses  # noqa: F401 - enters them
import numpy as np
import pytest
import torch
from induction_explorer import CheckpointSeries, InductionExplorer
from induction_explorer.channel.worker import SHARED
from induction_explorer.contract import ANALYSES, read
from induction_explorer.series.prompt import Prompt
from induction_kernels import ablate_each, attention_patterns
from induction_kernels.causes.intervene import Intervener
from induction_kernels.losses.measures import Measurer
from small_models import bridge, variants
from wire_page import Page

LONG = "the cat sat on the mat " * 4
EVERYWHERE = [3, 2, 1, 0]


def triangles(series: CheckpointSeries, explorer: Any, head: tuple[int, int]) -> dict[int, Any]:
    ids = explorer._prompts[0]["ids"]
    cells = np.tril_indices(len(ids))
    whole = {i: attention_patterns(series.load(i), ids, [head])[0].numpy() for i in EVERYWHERE}
    return {i: np.round(255 * pattern[cells]) for i, pattern in whole.items()}


@pytest.fixture
def scant(monkeypatch) -> None:
    """Hardly anything is kept, and no prompt is computed ahead."""
    monkeypatch.setattr("induction_explorer.series.results.KEPT_BYTES", 3000)
    monkeypatch.setattr("induction_explorer.series.budget.PATTERN_BYTES", 1000)


@pytest.mark.usefixtures("scant")
def test_patterns_stand_under_their_checkpoints_though_none_is_kept(series) -> None:
    explorer = InductionExplorer(series, prompt=LONG)
    expected = triangles(series, explorer, (1, 1))
    page, found = Page(explorer), {}
    for part, arrays in page.ask("patterns", head=[1, 1], checkpoints=EVERYWHERE):
        assert len(arrays["patterns"]) == len(part["checkpoints"])
        found |= dict(zip(part["checkpoints"], arrays["patterns"], strict=True))
    assert set(found) == set(EVERYWHERE)
    for checkpoint, triangle in found.items():
        assert np.abs(triangle - expected[checkpoint]).max() <= 1
    assert explorer._session.results.bytes <= 3000


@pytest.mark.usefixtures("scant")
def test_who_attends_to_a_token_is_answered_where_patterns_are_too_many_to_keep(series) -> None:
    explorer = InductionExplorer(series, prompt=LONG)
    ids = explorer._prompts[0]["ids"]
    every = [(layer, head) for layer in range(2) for head in range(4)]
    parts = Page(explorer).ask("attended", checkpoints=EVERYWHERE, token=3)
    found = {i: a["attention"][k] for p, a in parts for k, i in enumerate(p["checkpoints"])}
    for checkpoint in EVERYWHERE:
        patterns = attention_patterns(series.load(checkpoint), ids, every)
        expected = patterns[:, 4:, 3].mean(1).reshape(2, 4).numpy()
        assert found[checkpoint] == pytest.approx(expected, abs=0.5 / 255 + 1e-6)


def test_a_fault_of_measuring_is_said_stops_nothing_else_and_is_tried_again(
    tokenizer, monkeypatch
) -> None:
    model = bridge()
    series = CheckpointSeries.from_state_dicts(model, variants(model), tokenizer=tokenizer)
    with monkeypatch.context() as patch:
        patch.setattr(Measurer, "by_steps", lambda *_: 1 / 0)
        explorer = InductionExplorer(series)
        explorer.wait()
    assert "division by zero" in explorer._measured_on[0]
    assert explorer._series[0]["faults"] == {}
    ((_, arrays),) = Page(explorer).ask("ablation_grid", checkpoints=[0], how="zero")
    assert np.isfinite(arrays["loss"]).all()
    again = InductionExplorer(series)
    again.wait()
    assert again._session is explorer._session
    assert "division by zero" not in again._measured_on[0]
    assert np.isfinite(again.measures()["loss"]).all()


def test_a_checkpoint_that_could_not_be_scored_is_tried_again_by_the_next_explorer(
    tokenizer,
) -> None:
    model = bridge()
    weights = variants(model)
    good = weights[0]["embed.weight"].clone()
    weights[0]["embed.weight"][:] = torch.nan
    series = CheckpointSeries.from_state_dicts(model, weights, tokenizer=tokenizer)
    explorer = InductionExplorer(series)
    explorer.wait()
    assert list(explorer._series[0]["faults"]) == ["0"]
    weights[0]["embed.weight"][:] = good
    again = InductionExplorer(series)
    again.wait()
    assert again._session is explorer._session
    assert again._series[0]["faults"] == {}
    assert np.isfinite(again.scores()["induction"]).all()


@pytest.mark.filterwarnings("ignore")
def test_one_page_that_cannot_be_reached_starves_no_other(series, caplog) -> None:
    explorer = InductionExplorer(series)
    page = Page(explorer)
    asked = {"series": 0, "generation": 1, "kind": "patterns", "checkpoints": EVERYWHERE}

    def unreachable(*_: Any) -> None:
        raise ConnectionError("the page is gone")

    with SHARED:
        for head in (0, 1):
            request = asked | {"id": f"lost{head}", "head": [0, head]}
            explorer._requests.receive(request, unreachable)
            explorer._requests.receive(asked | {"id": f"r{head}", "head": [0, head]}, page.send)
    explorer.wait()
    for head in (0, 1):
        parts = page.parts(f"r{head}")
        assert sorted(i for part, _ in parts for i in part["checkpoints"]) == [0, 1, 2, 3]
        assert parts[-1][0]["done"]
    assert explorer._requests._pending == {}
    assert explorer._work.error is None


@pytest.mark.slow
def test_an_answer_keeps_no_prompt_and_all_answers_together_are_bounded(
    series, monkeypatch
) -> None:
    monkeypatch.setattr("induction_explorer.series.results.KEPT_BYTES", 20_000)
    explorer = InductionExplorer(series, prompt="the cat")
    prompts: list[weakref.ref[Prompt]] = []
    fields = {"heads": [[1, 2]], "how": "zero", "frozen": False}
    for number in range(6):
        explorer.prompt = "the cat sat" + " on" * number
        prompts.append(weakref.ref(explorer._read[0]))
        assert Page(explorer).ask("ablation", checkpoints=[3], **fields)[-1][0]["done"]
    gc.collect()
    assert [prompt() is None for prompt in prompts] == [True] * 5 + [False]
    assert 0 < explorer._session.results.bytes <= 20_000


def test_forty_clicks_leave_only_what_the_last_waits_for(series) -> None:
    explorer = InductionExplorer(series)
    explorer.wait()
    page = Page(explorer)
    with SHARED:  # nothing is done meanwhile
        for click in range(40):
            for kind in ("wiring", "patterns"):
                last, this = f"{kind}{click - 1}", f"{kind}{click}"
                explorer._requests.receive({"id": last, "kind": "cancel"}, page.send)
                head = [1, click % 4]
                asked = {"series": 0, "generation": 1, "checkpoints": EVERYWHERE, "head": head}
                explorer._requests.receive(asked | {"id": this, "kind": kind}, page.send)
        assert explorer._work.pending <= len(EVERYWHERE) * 2


@pytest.mark.slow
def test_what_comes_in_parts_is_nan_or_right(series, monkeypatch) -> None:
    monkeypatch.setattr("induction_explorer.channel.worker.STEP", 0)
    monkeypatch.setattr("induction_explorer.channel.answering.STEP", 0)
    explorer = InductionExplorer(series)
    page = Page(explorer)
    page.ask("ablation_grid", checkpoints=[3], how="zero")
    *parts, (body, whole) = page.parts("r1", partial=True)
    assert body["share"] == 1
    assert body["done"]
    assert len(parts) > 10
    known = 0
    for part, arrays in parts:
        assert 0 < part["share"] < 1
        assert not part["done"]
        for name, values in arrays.items():
            there = np.isfinite(values)
            assert values[there] == pytest.approx(whole[name][there], abs=1e-6)
        now = sum(int(np.isfinite(values).sum()) for values in arrays.values())
        assert now >= known
        known = now
    assert 0 < known < sum(values.size for values in whole.values())
    expected = ablate_each(series.load(3))
    assert whole["loss"][0] == pytest.approx(expected.loss.values, abs=1e-5)


class TestTooLarge:
    """What would take long is computed when the reader wants it all the same."""

    ASKED = {"checkpoints": [3], "head": [1, 2]}  # noqa: RUF012

    @pytest.fixture(autouse=True)
    def small_budget(self, monkeypatch) -> None:
        monkeypatch.setattr("induction_explorer.series.budget.ANSWER", 1000)

    def test_says_what_it_would_cost(self, explorer) -> None:
        ((reply, _),) = Page(explorer).ask("wiring", **self.ASKED)
        assert reply["error"]["anyway"] is True
        assert "5 forward passes, about a second" in reply["error"]["message"]
        assert "only if you ask for it" in reply["error"]["hint"]

    def test_is_computed_all_the_same(self, explorer) -> None:
        page = Page(explorer)
        ((part, arrays),) = page.ask("wiring", **self.ASKED, anyway=True)
        assert part["done"]
        assert np.isfinite(arrays["induction"]).all()
        ((again, _),) = page.ask("wiring", **self.ASKED)  # known by now
        assert again["done"]

    def test_what_is_read_off_the_prompt_never_is(self, explorer) -> None:
        assert Page(explorer).ask("patterns", **self.ASKED)[-1][0]["done"]

    def test_any_other_error_offers_nothing(self, explorer) -> None:
        ((reply, _),) = Page(explorer).ask("wiring", checkpoints=[3], head=[1, 77])
        assert set(reply["error"]) == {"message", "hint"}


def test_the_cost_is_what_is_run(explorer, monkeypatch) -> None:
    """As many passes as are announced, over as many tokens."""
    run: list[int] = []
    original = Intervener._run

    def record(self: Any, *args: Any) -> Any:
        run.append(self.tokens.numel())
        return original(self, *args)

    monkeypatch.setattr(Intervener, "_run", record)
    fields = {"head": [1, 2], "how": "zero"}
    for kind in ("ablation_grid", "wiring"):
        run.clear()
        Page(explorer).ask(kind, checkpoints=[1], **fields)
        analysis = read(ANALYSES[kind], kind, fields)
        passes = analysis.passes(explorer._session)
        assert len(run) == pytest.approx(passes, rel=0.25)
        assert sum(run) == pytest.approx(passes * analysis.tokens(explorer._session), rel=0.25)


def test_a_pattern_is_answered_while_a_wiring_of_twelve_layers_is_computed(monkeypatch) -> None:
    monkeypatch.setattr("induction_explorer.series.budget.PATTERN_BYTES", 0)  # none ahead
    explorer = InductionExplorer(bridge(n_layers=12, n_heads=8), prompt="5 17 5 17")
    explorer.wait()
    ended: list[str] = []

    def send(content: dict[str, Any], _buffers: Any = None) -> None:
        if content.get("done") or "error" in content:
            ended.append(content["id"])
            SHARED.notify_all()

    asked = {"series": 0, "generation": 1, "checkpoints": [0], "head": [11, 3]}
    explorer._requests.receive(asked | {"id": "wiring", "kind": "wiring"}, send)
    with SHARED:
        explorer._requests.receive(asked | {"id": "patterns", "kind": "patterns"}, send)
        assert SHARED.wait_for(lambda: ended, 60)
        assert ended == ["patterns"]
        explorer._requests.receive({"id": "wiring", "kind": "cancel"}, send)
        assert explorer._work.pending == 0
