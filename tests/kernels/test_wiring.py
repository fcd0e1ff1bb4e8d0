"""What feeds a head, against zeroed weights and the scores themselves."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from induction_kernels import head_scores, load_demo, wiring
from induction_kernels.attention.door import as_model
from induction_kernels.errors import SelectionError
from induction_kernels.scores.of_weights.circuits import k_composition
from small_models import HUGGING_FACE, wrapped
from zeroed_heads import contrasted, without


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox", "llama"])
@pytest.mark.parametrize("as_bridge", [False, True])
def test_effects_are_those_of_zeroed_weights(name, as_bridge) -> None:
    module = contrasted(name)
    found = wiring(wrapped(module) if as_bridge else module, (1, 2))
    whole = head_scores(module, ["induction", "previous_token"])
    assert float(found.induction) == pytest.approx(float(whole.induction[1, 2]), abs=1e-5)
    assert found.previous_token[0].values == pytest.approx(whole.previous_token[0].values, abs=1e-5)
    for head in range(4):
        cut = head_scores(without(module, [(0, head)]), ["induction"])
        change = float(cut.induction[1, 2] - whole.induction[1, 2])
        assert float(found.effect[0, head]) == pytest.approx(change, abs=1e-6)
    assert float(abs(found.effect[0]).max()) > 1e-3
    assert np.isnan(found.effect[1]).all()
    pairs = k_composition(as_model(module)).pairs[0, :, 1, 2]
    assert found.composition[0].values == pytest.approx(pairs.numpy(), abs=1e-6)


def test_effects_on_a_native_bridge_are_those_of_zeroed_weights() -> None:
    module = load_demo("attn-only-2l").load(-1)
    tokenizer = as_model(module).tokenizer
    found = wiring(module, (1, 2))
    whole = head_scores(module, ["induction"]).induction[1, 2]
    width = module.cfg.d_head
    for head in range(4):
        cut = copy.deepcopy(module)
        with torch.no_grad():
            cut.blocks[0].attn.o.weight[:, head * width : (head + 1) * width] = 0
        change = float(head_scores((cut, tokenizer), ["induction"]).induction[1, 2] - whole)
        assert float(found.effect[0, head]) == pytest.approx(change, abs=1e-5)
    assert float(found.effect[0].min()) < -0.3


def test_nothing_feeds_the_first_layer() -> None:
    found = wiring(HUGGING_FACE["gpt2"](), (0, 1))
    assert np.isnan(found.effect).all()
    assert torch.isfinite(torch.tensor(float(found.induction)))
    with pytest.raises(SelectionError, match="no head 9"):
        wiring(HUGGING_FACE["gpt2"](), (1, 9))


@pytest.mark.slow
def test_the_bundled_induction_head_needs_the_previous_token_head() -> None:
    series = load_demo("attn-only-2l")
    formed, early = (wiring(series.load(i), (1, 2)) for i in (-1, 5))
    strongest = divmod(int(np.nanargmin(formed.effect)), 4)
    assert strongest == divmod(int(np.nanargmax(formed.previous_token)), 4) == (0, 3)
    assert float(formed.effect[0, 3]) < -0.3
    assert float(formed.effect[0, 3]) < -20 * float(formed.error[0, 3])
    assert abs(float(early.effect[0, 3])) < 0.02
    assert float(formed.composition[0, 3]) > float(early.composition[0, 3])
