"""A model of which some layers do not attend, on the page: empty rows, said to be so."""

from __future__ import annotations

import numpy as np
import pytest
from induction_explorer import InductionExplorer
from induction_kernels import attention_patterns
from tiny import HEADS, tiny
from wire_page import Page


@pytest.fixture(scope="module")
def hybrid():
    """Jamba: a state-space layer below one that attends."""
    return tiny("JambaForCausalLM")


@pytest.fixture
def page(hybrid, tokenizer) -> Page:
    explorer = InductionExplorer((hybrid, tokenizer))
    explorer.wait()
    return Page(explorer)


def test_scores_of_layers_without_attention_are_empty(page) -> None:
    explorer = page.explorer
    assert explorer._series[0]["attending"] == [1]
    assert not explorer._series[0]["faults"]
    values = explorer._sessions[0].grids["induction"][0]
    assert np.isnan(values[0]).all()
    assert np.isfinite(values[1]).all()


def test_the_first_heads_shown_are_of_layers_that_attend(page) -> None:
    grids = page.explorer._sessions[0].grids
    best = [int(grids[name][0, 1].argmax()) for name in ("previous_token", "induction")]
    assert page.explorer.heads == [[1, head] for head in dict.fromkeys(best)]


def test_a_pattern_of_a_layer_without_attention_is_refused(page, hybrid) -> None:
    ids = page.explorer._prompts[0]["ids"]
    [(body, _)] = page.ask("patterns", head=[0, 1], checkpoints=[0])
    assert "Layer 0 of" in body["error"]["message"]
    assert "has no attention" in body["error"]["message"]
    [(_, arrays)] = page.ask("patterns", head=[1, 1], checkpoints=[0])
    whole = attention_patterns(hybrid, ids, [(1, 1)])[0].numpy()
    shown = arrays["patterns"][0] / 255
    assert np.abs(shown - whole[np.tril_indices(len(ids))]).max() <= 0.5 / 255 + 1e-6
    [(_, arrays)] = page.ask("attended", token=1, checkpoints=[0])
    assert arrays["attention"].shape == (1, 2, HEADS)
    assert np.isnan(arrays["attention"][0, 0]).all()
    assert arrays["attention"][0, 1, 1] == pytest.approx(whole[2:, 1].mean(), abs=0.005)
