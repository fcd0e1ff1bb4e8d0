"""What an explorer shows is of one moment, whatever happens to the model it was given."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from front_end import array
from induction_explorer import InductionExplorer
from induction_kernels import attention_patterns, head_scores
from small_models import HUGGING_FACE, bridge
from wire_page import Page


def grid(explorer: InductionExplorer, score: str = "induction") -> np.ndarray:
    found = explorer._grids[f"0/{score}"]
    return array(found)


def opened(*args: Any, **traits: Any) -> InductionExplorer:
    explorer = InductionExplorer(*args, prompt="the cat sat on the cat", **traits)
    explorer.wait()
    return explorer


def train_on(model: Any) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.3)
    found = model(torch.arange(12)[None])
    getattr(found, "logits", found).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()


def pattern(explorer: InductionExplorer, head: tuple[int, int]) -> np.ndarray:
    ((_, arrays),) = Page(explorer).ask("patterns", head=head, checkpoints=[explorer.checkpoint])
    return arrays["patterns"][0]


def logits(explorer: InductionExplorer) -> np.ndarray:
    ((_, arrays),) = Page(explorer).ask("predictions", checkpoints=[0])
    return arrays["logits"][0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bridge", *HUGGING_FACE])
def test_training_on_under_an_open_explorer(kind, tokenizer) -> None:
    """Scores, patterns and predictions stay of the moment it was opened, and agree."""
    model = bridge() if kind == "bridge" else HUGGING_FACE[kind]().eval()
    explorer = opened(model, tokenizer=tokenizer)
    scores, attention = grid(explorer).copy(), pattern(explorer, (1, 2)).copy()
    predicted = logits(explorer)
    train_on(model)

    explorer.prompt = "the cat"
    explorer.wait()
    explorer.prompt = "the cat sat on the cat"
    explorer.wait()
    assert np.array_equal(pattern(explorer, (1, 2)), attention)
    assert np.array_equal(logits(explorer), predicted)
    assert np.array_equal(grid(explorer), scores)

    anew = opened(model, tokenizer=tokenizer)
    expected = head_scores((model, tokenizer), "induction")["induction"].values
    assert grid(anew)[0] == pytest.approx(expected, abs=1e-6)
    assert not np.array_equal(grid(anew), scores)


def test_what_is_handed_to_circuitsvis_is_of_the_same_moment(tokenizer) -> None:
    model = bridge()
    explorer = opened(model, tokenizer=tokenizer)
    explorer.heads = [[1, 2]]
    before = drawn(explorer)
    train_on(model)
    assert drawn(explorer) == before


def drawn(explorer: InductionExplorer) -> str:
    """What CircuitsVis draws, without the random name of its place on the page."""
    return re.sub(r"circuits-vis-[0-9a-f-]+", "", explorer.to_circuitsvis().local_src)


@pytest.mark.slow
def test_a_model_of_a_series_that_was_trained_on_is_shown_as_itself(series, tokenizer) -> None:
    model = series.load(1)
    of_series = opened(model)
    assert len(of_series._series[0]["steps"]) == 4
    train_on(model)

    alone = opened(model)
    assert alone._series[0]["steps"] == [0]
    assert alone._series[0]["name"] == "small, changed"
    expected = head_scores(model, "induction")["induction"].values
    assert grid(alone)[0] == pytest.approx(expected, abs=1e-6)
    patterns = attention_patterns(model, "the cat sat on the cat", [(1, 2)])[0]
    rows, columns = torch.tril_indices(*patterns.shape)
    assert pattern(alone, (1, 2)) == pytest.approx((patterns[rows, columns] * 255).round(), abs=1)

    again = opened(series)  # and the series is what it was
    assert np.array_equal(grid(again), grid(of_series))
    assert np.isfinite(grid(again)).all()
