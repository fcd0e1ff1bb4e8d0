"""What CircuitsVis is given is what the kernels compute."""

from __future__ import annotations

import sys

import circuitsvis.attention
import numpy as np
import pytest
from induction_kernels import attention_patterns
from induction_kernels.errors import InductionError, SelectionError


def test_the_selected_heads_are_handed_over(explorer, computed, monkeypatch) -> None:
    given = {}
    plain = circuitsvis.attention.attention_heads
    monkeypatch.setattr(
        circuitsvis.attention, "attention_heads", lambda **how: given.update(how) or plain(**how)
    )
    explorer.heads, explorer.checkpoint = [[1, 2], [0, 3]], 1
    html = explorer.to_circuitsvis()
    ids = explorer._prompts[0]["ids"]
    expected = attention_patterns(computed.load(1), ids, [(1, 2), (0, 3)])
    assert np.asarray(given["attention"]) == pytest.approx(expected.numpy(), abs=1e-6)
    assert (given["min_value"], given["max_value"]) == (0, 1)  # colours mean the same in all
    assert given["tokens"] == explorer._prompts[0]["tokens"]
    assert given["attention_head_names"] == ["L1H2", "L0H3"]
    assert "AttentionHeads" in str(html)


def test_what_is_missing_is_said(explorer, monkeypatch) -> None:
    explorer.heads = []
    with pytest.raises(SelectionError, match=r"^No head is selected\.") as refused:
        explorer.to_circuitsvis()
    assert "explorer.heads = [[layer, head], ...]" in refused.value.hint
    explorer.heads = [[0, 0]]
    monkeypatch.setitem(sys.modules, "circuitsvis.attention", None)
    with pytest.raises(InductionError, match=r"induction-explorer\[circuitsvis\]"):
        explorer.to_circuitsvis()
