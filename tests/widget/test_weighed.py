"""Attention times the size of what it moves, asked for beside attention as it is."""

from __future__ import annotations

import numpy as np
import pytest
from induction_explorer import InductionExplorer
from induction_kernels import attention_patterns, value_weighted_patterns
from small_models import bridge
from wire_page import Page

HEAD = (1, 1)


@pytest.mark.parametrize("by", ["value", "output"])
def test_it_is_the_kernels_own_at_every_checkpoint(series, by) -> None:
    explorer = InductionExplorer(series, prompt="the cat sat on the mat the cat")
    page = Page(explorer)
    ids = explorer._prompts[0]["ids"]
    cells = np.tril_indices(len(ids))
    parts = page.ask("weighed", head=list(HEAD), by=by, checkpoints=[3, 0])
    found = {i: a["patterns"][k] for p, a in parts for k, i in enumerate(p["checkpoints"])}
    for checkpoint in (0, 3):
        model = series.load(checkpoint)
        expected = value_weighted_patterns(model, ids, [HEAD], by=by)[0].numpy()
        plain = attention_patterns(model, ids, [HEAD])[0].numpy()
        assert np.abs(found[checkpoint] - 255 * expected[cells]).max() <= 0.51
        assert np.abs(found[checkpoint] - 255 * plain[cells]).max() > 1
    ((_, arrays),) = page.ask("patterns", head=list(HEAD), checkpoints=[0])
    plain = attention_patterns(series.load(0), ids, [HEAD])[0].numpy()
    assert np.abs(arrays["patterns"][0] - 255 * plain[cells]).max() <= 0.51


def test_where_it_cannot_be_weighed_attention_as_it_is_is_there_all_the_same(
    tokenizer, monkeypatch
) -> None:
    monkeypatch.setattr("induction_explorer.series.budget.PATTERN_BYTES", 10)  # none ahead
    folded = bridge()
    folded.enable_compatibility_mode()
    explorer = InductionExplorer(folded, tokenizer=tokenizer, prompt="the cat sat on the mat")
    explorer.wait()
    page, about = Page(explorer), {"series": 0, "checkpoints": [0], "head": list(HEAD)}
    about["generation"] = explorer._prompts[0]["generation"]
    for kind in ("weighed", "patterns"):
        asked = about | {"id": kind, "kind": kind} | ({"by": "value"} if kind == "weighed" else {})
        explorer._requests.receive(asked, page.send)
    explorer.wait()
    ((error, _),) = page.parts("weighed")
    assert "cannot be weighed by its values" in error["error"]["message"]
    ((_, arrays),) = page.parts("patterns")
    assert arrays["patterns"].max() > 0
