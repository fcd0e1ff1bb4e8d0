"""What as_model accepts, and what it says of the rest."""

from __future__ import annotations

import pytest
import torch
from induction_kernels import as_model, attention_patterns, head_scores
from induction_kernels.errors import InductionError, UnsupportedModelError
from small_models import HUGGING_FACE, VOCABULARY, bridge
from tiny import tiny
from transformers import BertConfig, BertLMHeadModel, BertModel, GPT2Config, GPT2Model

_SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}


def test_a_bridge() -> None:
    model = as_model(bridge(n_layers=3))
    assert (model.n_layers, model.n_heads, model.n_ctx, model.weights) == (3, 4, 128, "raw")
    assert as_model(model) is model


def test_a_hugging_face_model_and_its_tokenizer(hugging_face, tokenizer) -> None:
    model = as_model((hugging_face, tokenizer))
    assert (model.n_layers, model.n_heads, model.n_ctx) == (2, 4, 128)
    assert model.tokenizer is tokenizer
    assert as_model(hugging_face, tokenizer).bos_id == tokenizer.bos_token_id


def test_a_hooked_transformer_by_its_shape() -> None:
    """TransformerLens 2 and 3 cannot be installed beside 4; their model is run_with_hooks + cfg."""

    class HookedTransformer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = bridge()
            self.cfg = self.inner.cfg

        def run_with_hooks(self, tokens, fwd_hooks):
            return self.inner.run_with_hooks(tokens, fwd_hooks=fwd_hooks)

    assert as_model(HookedTransformer()).kind == "transformer_lens"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: BertModel(BertConfig(**_SMALL)), "BertModel is not a causal language model"),
        (lambda: BertLMHeadModel(BertConfig(**_SMALL)), "attends to later tokens"),
        (lambda: GPT2Model(GPT2Config(n_layer=1, n_embd=32, n_head=2)), "language-model head"),
        (lambda: torch.nn.Linear(2, 2), "Linear has neither"),
        (lambda: "gpt2", "str is not a model"),
        (lambda: None, "NoneType is not a model"),
        (lambda: bridge(attention_dir="bidirectional"), "attends in both directions"),
    ],
)
def test_what_is_no_causal_model_is_a_type_error(make, said) -> None:
    with pytest.raises(TypeError, match=said) as caught:
        as_model(make())
    assert isinstance(caught.value, UnsupportedModelError)
    assert caught.value.hint


@pytest.mark.parametrize("make", [bridge, HUGGING_FACE["llama"]], ids=["bridge", "hugging face"])
def test_nan_weights_are_named(make) -> None:
    model = make()
    with torch.no_grad():
        next(model.parameters()).fill_(torch.nan)
    with pytest.raises(InductionError, match=r"L0H0 .* is not finite\. Its weights .*embed"):
        as_model(model)


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("RobertaForCausalLM", 61),
        ("Data2VecTextForCausalLM", 61),
        ("WhisperForCausalLM", 64),
        ("MptForCausalLM", 64),
        ("OPTForCausalLM", 64),
        ("ProphetNetForCausalLM", 60),
    ],
)
def test_the_context_is_as_long_as_the_model_has_positions(name, context) -> None:
    module = tiny(name)
    module.config.pad_token_id = None
    model = as_model(module.eval())
    assert model.n_ctx == context
    longest = torch.randint(3, 300, (1, context))
    assert attention_patterns(model, longest).isfinite().all()
    with pytest.raises((RuntimeError, IndexError, InductionError)):
        module(torch.randint(3, 300, (1, context + 1)))
    assert head_scores(model, "induction")["induction"].shape == (model.n_layers, model.n_heads)


def test_places_in_an_image_are_no_positions_of_tokens() -> None:
    module = tiny("Gemma3ForConditionalGeneration")
    module.model.vision_tower.embeddings.position_embedding = torch.nn.Embedding(4, 32)
    assert as_model(module.eval()).n_ctx == module.config.get_text_config().max_position_embeddings


def test_a_configuration_that_does_not_count_layers_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="does not say how many layers"):
        as_model(tiny("BltForCausalLM"))


def test_folded_weights_are_recorded() -> None:
    model = bridge()
    model.enable_compatibility_mode()
    assert as_model(model).provenance()["weights"] == "folded"
