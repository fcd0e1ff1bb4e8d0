"""A model that cannot be read is refused at the door in a sentence that says why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers as t
from induction_kernels import as_model, attention_patterns, token_losses
from induction_kernels.errors import UnsupportedModelError
from small_models import HUGGING_FACE, VOCABULARY, bridge
from torch import Tensor, nn

_SHAPE: dict[str, Any] = {
    "vocab_size": 99, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4,
}  # fmt: skip
_TWO_STACKS: dict[str, Any] = {
    "vocab_size": 99, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2,
    "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    "decoder_start_token_id": 1,
}  # fmt: skip
_AN_ENCODER = "it has an encoder as well, and its decoder attends to what that makes"

OTHER_TASKS: dict[str, tuple[Callable[[], Any], str]] = {
    "T5": (
        lambda: t.T5ForConditionalGeneration(
            t.T5Config(vocab_size=99, d_model=32, d_kv=8, d_ff=32, num_layers=2, num_heads=4)
        ),
        _AN_ENCODER,
    ),
    "BART": (
        lambda: t.BartForConditionalGeneration(t.BartConfig(**_TWO_STACKS)),
        _AN_ENCODER,
    ),
    "Whisper": (
        lambda: t.WhisperForConditionalGeneration(t.WhisperConfig(**_TWO_STACKS)),
        "it has an encoder of input_features as well",
    ),
    "BERT": (
        lambda: t.BertForMaskedLM(t.BertConfig(**_SHAPE)),
        "it is an encoder, which fills in masked tokens by looking in both directions",
    ),
    "no head": (
        lambda: t.LlamaModel(t.LlamaConfig(**_SHAPE, num_key_value_heads=2)),
        "it has no language-model head",
    ),
    "a classifier": (
        lambda: t.LlamaForSequenceClassification(t.LlamaConfig(**_SHAPE, num_key_value_heads=2)),
        "it has no language-model head",
    ),
    "images": (
        lambda: t.ViTForImageClassification(
            t.ViTConfig(
                hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=32,
                image_size=32, patch_size=16,
            )
        ),
        "it reads pixel_values where a text has input_ids",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", OTHER_TASKS)
def test_what_predicts_no_next_token_says_what_it_does(kind) -> None:
    make, why = OTHER_TASKS[kind]
    model = make()
    with pytest.raises(
        UnsupportedModelError,
        match=rf"^{type(model).__name__} is not a causal language model: {why}",
    ) as caught:
        as_model(model)
    assert "decoder-only" in caught.value.hint


@pytest.mark.parametrize(
    "make",
    [
        lambda: t.MambaForCausalLM(
            t.MambaConfig(vocab_size=99, hidden_size=32, num_hidden_layers=2, state_size=8)
        ),
        lambda: t.RwkvForCausalLM(
            t.RwkvConfig(
                vocab_size=99, hidden_size=32, num_hidden_layers=2, attention_hidden_size=32,
                intermediate_size=32, context_length=32,
            )
        ),
    ],
    ids=["Mamba", "RWKV"],
)  # fmt: skip
def test_what_has_no_attention_says_so(make) -> None:
    with pytest.raises(UnsupportedModelError, match=r"has no attention heads.*State-space"):
        as_model(make())


def test_a_model_that_runs_its_layers_again_and_again_says_so() -> None:
    """HrmText: not a matter of its attention interface, as it was once told."""
    model = t.HrmTextForCausalLM(t.HrmTextConfig(**_SHAPE)).eval()
    with pytest.raises(UnsupportedModelError, match="attends more than once in layer 0"):
        as_model(model)
    seen: list[nn.Module] = []
    for part in model.modules():
        if getattr(part, "layer_idx", None) == 0:
            part.register_forward_pre_hook(lambda part, _: seen.append(part))
    with torch.no_grad():
        model(input_ids=torch.tensor([[1, 2, 3]]))
    assert len(seen) > len(set(map(id, seen)))  # which is true


# --- weights --------------------------------------------------------------------------------------


def on_meta(make: Callable[[], Any]) -> Any:
    with torch.device("meta"):
        return make()


def in_part(make: Callable[[], Any], name: str) -> Any:
    model = make()
    model.get_submodule(name).to("meta")
    return model


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: on_meta(HUGGING_FACE["llama"]), "model.embed_tokens.weight"),
        (lambda: in_part(HUGGING_FACE["llama"], "model.layers.1"), "model.layers.1.self_attn"),
        (lambda: in_part(HUGGING_FACE["gpt2"], "transformer.ln_f"), "transformer.ln_f.weight"),
        (lambda: in_part(bridge, "layers.1"), "layers.1"),
    ],
)
def test_weights_without_values_are_named(make, named) -> None:
    with pytest.raises(
        UnsupportedModelError, match=rf"^{named}.* is on the meta device: a shape without values"
    ) as caught:
        attention_patterns(make(), [1, 2, 3])
    assert "Load all of the weights" in caught.value.hint


class Linear8bit(nn.Module):
    """Whole numbers and a factor for each row, as libraries of quantization keep them."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        factor = linear.weight.detach().abs().amax(1, keepdim=True) / 127
        whole = (linear.weight.detach() / factor).round().to(torch.int8)
        self.weight = nn.Parameter(whole, requires_grad=False)
        self.register_buffer("factor", factor)

    def forward(self, x: Tensor) -> Tensor:
        return x @ (self.weight.to(x.dtype) * self.factor).T


def quantized() -> Any:
    torch.manual_seed(0)
    model = HUGGING_FACE["llama"]().eval()
    for layer in model.model.layers:
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(layer.self_attn, name, Linear8bit(getattr(layer.self_attn, name)))
    return model


def test_quantized_layers_are_read_as_they_compute() -> None:
    model, tokens = quantized(), torch.tensor([[5, 6, 7, 5, 6, 7]])
    model.set_attn_implementation("eager")
    with torch.no_grad():
        out = model(input_ids=tokens, output_attentions=True)
    expected = -out.logits[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]
    torch.testing.assert_close(token_losses(model, tokens), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        attention_patterns(model, tokens), torch.cat(out.attentions, 1)[0], atol=1e-5, rtol=0
    )


def test_what_its_own_code_cannot_run_is_said_with_its_own_words() -> None:
    model = quantized()
    embedding = model.model.embed_tokens
    embedding.weight = nn.Parameter(embedding.weight.detach().to(torch.int8), requires_grad=False)
    with pytest.raises(
        UnsupportedModelError, match=r"cannot be run on a few tokens: TypeError: .*floating"
    ) as caught:
        as_model(model)
    assert isinstance(caught.value.__cause__, TypeError)


def test_a_model_that_wants_more_than_tokens_is_said_with_its_own_words() -> None:
    model = HUGGING_FACE["gpt2"]()

    def refuse(*_: object) -> None:
        raise ValueError("You must say which adapter.\nSee the manual.")

    model.transformer.register_forward_pre_hook(refuse)
    with pytest.raises(
        UnsupportedModelError,
        match=r"a few tokens: ValueError: You must say which adapter\. ",
    ):
        as_model(model)


def test_running_out_of_memory_at_the_door_stays_what_it_is() -> None:
    """It says nothing of the kind of model."""
    model = HUGGING_FACE["gpt2"]()

    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    hook = model.transformer.register_forward_pre_hook(fail)
    with pytest.raises(torch.OutOfMemoryError):
        as_model(model)
    hook.remove()
    assert as_model(model).d_vocab == VOCABULARY
