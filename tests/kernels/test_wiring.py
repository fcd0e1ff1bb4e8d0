"""What feeds a head, against zeroed weights and the scores themselves."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from architectures import sharpened
from best_head import best_head
from induction_kernels import head_scores, load_demo, wiring
from induction_kernels.attention.door import as_model
from induction_kernels.causes.intervene import Intervener
from induction_kernels.errors import SelectionError
from induction_kernels.scores.of_weights.circuits import k_composition
from small_models import HUGGING_FACE, VOCABULARY, wrapped
from transformers import LlamaConfig, LlamaForCausalLM
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


def test_of_layers_above_the_head_nothing_is_run_again(monkeypatch) -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=VOCABULARY, num_hidden_layers=4, **sizes)
    module = sharpened(LlamaForCausalLM(config).eval())
    ran: list[int] = []

    def run(self, replaced, **options):
        read = options.pop("read", None)

        def counted(attention):
            ran.append(attention.layer)
            if read is not None:
                read(attention)

        return of_intervener(self, replaced, read=counted, **options)

    of_intervener = Intervener.run
    monkeypatch.setattr(Intervener, "run", run)
    found = wiring(module, (2, 1))
    assert ran == [0, 1, 2, 3, *[0, 1, 2] * 4, *[1, 2] * 4]
    cut = head_scores(without(module, [(1, 3)]), ["induction"]).induction[2, 1]
    assert float(found.effect[1, 3]) == pytest.approx(float(cut - found.induction), abs=1e-6)
    again = head_scores(module, ["induction"]).induction
    assert float(again[2, 1]) == pytest.approx(float(found.induction), abs=1e-5)


def test_effects_on_a_native_bridge_are_those_of_zeroed_weights() -> None:
    module = load_demo("attn-only-2l").load(-1)
    tokenizer = as_model(module).tokenizer
    scores = head_scores(module, ["induction"]).induction
    layer, head = best_head(scores)
    found = wiring(module, (layer, head))
    whole = scores[layer, head]
    width = module.cfg.d_head
    for feeder in range(4):
        cut = copy.deepcopy(module)
        with torch.no_grad():
            cut.blocks[0].attn.o.weight[:, feeder * width : (feeder + 1) * width] = 0
        left = head_scores((cut, tokenizer), ["induction"]).induction[layer, head]
        assert float(found.effect[0, feeder]) == pytest.approx(float(left - whole), abs=1e-5)
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
    induction = best_head(head_scores(series.load(-1), ["induction"]).induction)
    formed, early = (wiring(series.load(i), induction) for i in (-1, 5))
    previous = best_head(formed.previous_token)
    assert previous == best_head(-formed.effect)
    assert float(formed.effect[previous]) < -0.3
    assert float(formed.effect[previous]) < -20 * float(formed.error[previous])
    assert abs(float(early.effect[previous])) < 0.02
    assert float(formed.composition[previous]) > float(early.composition[previous])
