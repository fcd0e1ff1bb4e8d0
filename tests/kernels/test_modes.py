"""Dropout, frozen weights, inference mode: the same numbers, and the model stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from induction_kernels import (
    CheckpointSeries,
    ablate,
    as_model,
    attention_patterns,
    head_scores,
    sweep,
    token_losses,
    top_predictions,
    wiring,
)
from small_models import HUGGING_FACE, VOCABULARY, bridge, wrapped
from transformers import GPT2Config, GPT2LMHeadModel, OPTConfig, OPTForCausalLM

TOKENS = torch.tensor([[5, 6, 7, 8, 5, 6, 7, 8]])
TEXT = torch.randint(VOCABULARY, (4, 70), generator=torch.Generator().manual_seed(0))

COMPUTED: dict[str, Callable[[Any], torch.Tensor]] = {
    "scores": lambda m: torch.as_tensor(head_scores(m, ["induction", "entropy"], TOKENS, period=4)
                                        .to_array().values),
    "losses": lambda m: token_losses(m, TOKENS),
    "patterns": lambda m: attention_patterns(m, TOKENS),
    "predictions": lambda m: top_predictions(m, TOKENS).logits,
    "ablation": lambda m: torch.tensor(ablate(m, [(0, 1)], TEXT, controls=0).loss_change),
    "wiring": lambda m: torch.as_tensor(wiring(m, (1, 0)).effect.values).nan_to_num(),
}  # fmt: skip


def dropping(kind: str) -> Any:
    """A model of which more than half is left out at random while it trains."""
    torch.manual_seed(0)
    if kind == "opt":
        return OPTForCausalLM(
            OPTConfig(
                vocab_size=VOCABULARY, hidden_size=32, ffn_dim=64, num_hidden_layers=2,
                num_attention_heads=4, max_position_embeddings=128, word_embed_proj_dim=32,
                dropout=0.6, attention_dropout=0.6, layerdrop=0.6,
            )
        )  # fmt: skip
    return GPT2LMHeadModel(
        GPT2Config(
            n_layer=2, n_embd=32, n_head=4, vocab_size=VOCABULARY, n_positions=128,
            resid_pdrop=0.6, embd_pdrop=0.6, attn_pdrop=0.6, bos_token_id=0, eos_token_id=0,
        )
    )  # fmt: skip


@pytest.mark.parametrize("computed", COMPUTED)
@pytest.mark.parametrize("kind", ["gpt2", "opt", "bridge"])
def test_dropout_is_off_and_training_goes_on(kind, computed) -> None:
    model = dropping(kind)
    model = wrapped(model) if kind == "bridge" else model
    run = COMPUTED[computed]
    expected = run(model.eval())
    model.train()
    frozen = next(part for name, part in model.named_modules() if name.endswith("1"))
    frozen.eval()  # as of layers that are not trained
    modes = [part.training for part in model.modules()]
    state = torch.get_rng_state()
    for _ in range(2):
        torch.testing.assert_close(run(model), expected, atol=1e-6, rtol=0)
    assert [part.training for part in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("read", ["patterns", "losses"])
def test_dropout_is_off_in_a_bridge_that_is_read_by_its_own_forward_pass(read) -> None:
    """That of the embedding, too, which no part of the bridge wraps."""
    model = wrapped(dropping("gpt2"))
    model.blocks[0].attn.q.hook_out.add_hook(lambda value, hook: value)
    expected = COMPUTED[read](model.eval())
    model.train()
    model.original_model.train()
    parts = [*model.modules(), *model.original_model.modules()]
    modes = [part.training for part in parts]
    for _ in range(2):
        torch.testing.assert_close(COMPUTED[read](model), expected, atol=1e-6, rtol=0)
    assert [part.training for part in parts] == modes


MODELS: dict[str, Callable[[], Any]] = {
    "gpt2": HUGGING_FACE["gpt2"],
    "llama": HUGGING_FACE["llama"],
    "native": bridge,
    "bridge": lambda: wrapped(HUGGING_FACE["gpt2"]()),
}


@pytest.mark.parametrize("called_in", [False, True], ids=["called outside", "called inside"])
@pytest.mark.parametrize("made_in", [False, True], ids=["made outside", "made inside"])
@pytest.mark.parametrize("kind", MODELS)
def test_inference_mode_changes_nothing(kind, made_in, called_in) -> None:
    """Its tensors cannot be written to outside of it, and count no changes."""

    def make(inside: bool) -> Any:
        torch.manual_seed(0)
        with torch.inference_mode() if inside else nullcontext():
            return MODELS[kind]().eval()

    plain, model = make(inside=False), make(inside=made_in)
    for run in COMPUTED.values():
        expected = run(plain)
        with torch.inference_mode() if called_in else nullcontext():
            found = run(model)
        torch.testing.assert_close(found.clone(), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "native"])
def test_a_series_of_a_model_that_was_made_in_inference_mode(kind) -> None:
    torch.manual_seed(0)
    with torch.inference_mode():
        model = MODELS[kind]()
        states = [{n: w * f for n, w in model.state_dict().items()} for f in (1.0, 1.5)]
    series = CheckpointSeries.from_state_dicts(model, states)
    found = sweep(series, ["induction"], progress=False)["induction"]
    for index, state in enumerate(states):
        alone = MODELS[kind]()
        alone.load_state_dict(state)
        expected = head_scores(alone, ["induction"])["induction"].values
        assert found[index].values == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("kind", MODELS)
def test_what_is_trained_and_what_is_frozen_stays_so(kind, frozen) -> None:
    model = MODELS[kind]()
    for index, parameter in enumerate(model.parameters()):
        parameter.requires_grad_(not frozen and index % 2 == 0)
    before = [parameter.requires_grad for parameter in model.parameters()]
    for run in COMPUTED.values():
        run(model)
    assert [parameter.requires_grad for parameter in model.parameters()] == before
    assert all(parameter.grad is None for parameter in model.parameters())
    assert as_model(model).n_layers == 2
