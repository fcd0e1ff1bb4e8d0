"""Which scores the explorer offers, and what it says of the others."""

from __future__ import annotations

import numpy as np
from front_end import array
from induction_explorer import InductionExplorer
from induction_kernels import load_demo
from induction_kernels.scores.registry import UNASKED
from small_models import HUGGING_FACE, bridge


def test_scores_of_the_weights_are_there_at_every_checkpoint() -> None:
    explorer = InductionExplorer(load_demo("attn-only-2l").select([0, -1]), score="k_composition")
    explorer.wait()
    assert explorer._series[0]["left_out"] == {}
    infos = {info["name"]: info for info in explorer._scores[0]}
    assert list(infos) == list(UNASKED)
    for name in ("ov_copying", "copying", "copying_output", "qk_trace", "k_composition"):
        assert infos[name]["group"] == "Weights alone"
        envelope = explorer._grids[f"0/{name}"]
        values = array(envelope)
        assert envelope["shape"] == [2, 2, 8]
        assert np.isfinite(values).all()
    assert infos["k_composition"]["probe"] == "the weights; random heads get 0.124"
    assert infos["k_composition"]["colours"] == "values"
    assert infos["copy_attribution"]["units"] == "logits"
    assert np.isfinite(array(explorer._grids["0/copy_attribution"])).all()


def test_what_a_model_does_not_allow_is_left_out_with_the_reason() -> None:
    explorer = InductionExplorer(HUGGING_FACE["gemma2"]())
    explorer.wait()
    left_out = explorer._series[0]["left_out"]
    assert set(left_out) == {
        "OV copying", "Copying", "Copying, whole output", "QK trace", "K-composition",
        "Entropy", "Natural induction", "Copy attribution",
    }  # fmt: skip
    assert "Gemma2ForCausalLM" in left_out["OV copying"]
    assert "no tokenizer" in left_out["Entropy"]
    assert "0/ov_copying" not in explorer._grids
    assert InductionExplorer(bridge())._series[0]["left_out"].keys() == {
        "Entropy", "Natural induction", "QK trace"
    }  # fmt: skip
