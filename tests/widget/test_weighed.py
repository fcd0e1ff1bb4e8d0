"""Attention times the size of what it moves, asked for beside attention as it is."""

from __future__ import annotations

import numpy as np
import pytest
from induction_explorer import InductionExplorer
from induction_kernels import attention_patterns, value_weighted_patterns
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
