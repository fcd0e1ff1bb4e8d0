"""Estimated ablations and those beside them, as a page asks for them."""

from __future__ import annotations

import numpy as np
import pytest
from induction_explorer import InductionExplorer, load_demo
from induction_kernels import compare_patching
from small_models import bridge
from wire_page import Page

PROMPT, ANSWER = "A B C A B", " C"
ASKED = {
    "second_copy_loss": {},
    "answer_logit": {"tokens": PROMPT, "answer": ANSWER},
}


@pytest.fixture(scope="module")
def explorer() -> InductionExplorer:
    series = load_demo("attn-only-2l").select([0, -1])
    return InductionExplorer(series, prompt=PROMPT, answer=ANSWER)


@pytest.mark.parametrize("how", ["zero", "mean"])
@pytest.mark.parametrize("metric", ASKED)
def test_both_are_what_the_kernels_say(explorer, metric, how) -> None:
    page, asked = Page(explorer), {"checkpoints": [1], "how": how, "metric": metric}
    ((_, estimated),) = page.ask("patching_estimate", **asked)
    ((_, measured),) = page.ask("patching_exact", top=3, **asked)
    model = load_demo("attn-only-2l").load(-1)
    expected = compare_patching(model, metric=metric, baseline=how, top=3, **ASKED[metric])
    assert estimated["estimated_change"][0] == pytest.approx(
        expected.estimated_change.to_numpy(), abs=1e-4
    )
    assert float(estimated["metric"][0]) == pytest.approx(expected.attrs["metric_value"], abs=1e-3)
    assert int(np.isfinite(measured["exact_change"]).sum()) == 3
    assert measured["exact_change"][0] == pytest.approx(
        expected.exact_change.to_numpy(), abs=1e-3, nan_ok=True
    )


def test_an_answer_that_is_not_there_is_said(explorer) -> None:
    without = InductionExplorer(load_demo("attn-only-2l").select([-1]), prompt=PROMPT)
    without.answer = ""
    for kind, more in (("patching_estimate", {}), ("patching_exact", {"top": None})):
        ((error, _),) = Page(without).ask(
            kind, checkpoints=[0], how="zero", metric="answer_logit", **more
        )
        assert "has no answer" in error["error"]["message"]
    ((error, _),) = Page(explorer).ask(
        "patching_exact", checkpoints=[0], how="zero", metric="second_copy_loss", top=0
    )
    assert "No heads" in error["error"]["message"]
    ((error, _),) = Page(explorer).ask(
        "patching_estimate", checkpoints=[1], how="resample", metric="answer_logit"
    )
    assert "no other row" in error["error"]["message"]


def test_a_model_that_hands_over_nothing_says_why() -> None:
    folded = bridge()
    folded.enable_compatibility_mode(disable_warnings=True)
    ((error, _),) = Page(InductionExplorer(folded, prompt="5 17 5 17")).ask(
        "patching_estimate", checkpoints=[0], how="zero", metric="second_copy_loss"
    )
    assert "cannot be caught" in error["error"]["message"]


def test_it_is_answered_pass_by_pass_where_rows_are_run_one_by_one(explorer, monkeypatch) -> None:
    asked = {"checkpoints": [0], "how": "zero", "metric": "second_copy_loss"}
    ((_, whole),) = Page(explorer).ask("patching_estimate", **asked)
    monkeypatch.setattr("induction_explorer.series.budget.STEP", 1)
    other = InductionExplorer(load_demo("attn-only-2l").select([0]), prompt="A B A")
    ((_, parts),) = Page(other).ask("patching_estimate", **asked)
    np.testing.assert_allclose(parts["estimated_change"], whole["estimated_change"], atol=1e-5)
