"""Losses against the definition written out, in few parts and in many."""

from __future__ import annotations

import copy
import math
from collections import Counter

import pytest
import torch
from induction_kernels import as_model, in_context_learning, token_losses
from induction_kernels.errors import ProbeError
from induction_kernels.losses.tokens import in_context_learning_positions
from induction_kernels.models import outputs
from small_models import HUGGING_FACE, VOCABULARY, bridge, wrapped
from torch.overrides import TorchFunctionMode
from transformers import GraniteConfig, GraniteForCausalLM


def ids(batch: int, n: int) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (batch, n), generator=torch.Generator().manual_seed(1))


def test_token_losses_against_a_loop() -> None:
    model, tokens = bridge(), ids(3, 12)
    losses = token_losses(model, tokens, batch_size=2)
    assert losses.shape == (3, 11)
    with torch.no_grad():
        logits = model(tokens).double()
    for row in range(3):
        for i in range(11):
            scores = logits[row, i]
            p = math.exp(scores[tokens[row, i + 1]] - scores.logsumexp(0))
            assert float(losses[row, i]) == pytest.approx(-math.log(p), abs=1e-5)


def test_in_context_learning_compares_two_positions() -> None:
    assert in_context_learning_positions(1024) == (50, 500)
    assert in_context_learning_positions(128) == (6, 62)
    losses = torch.zeros(4, 127)
    losses[:, 6], losses[:, 62] = 3.0, 2.5
    assert in_context_learning(losses, 128) == -0.5
    with pytest.raises(ProbeError, match="at least 64 tokens"):
        in_context_learning(losses[:, :62], 128)


@pytest.mark.parametrize("kind", [*HUGGING_FACE, "granite", "native"])
def test_in_parts_as_in_one_piece(kind, monkeypatch) -> None:
    """Gemma caps its logits, and Granite scales them between body and head."""
    torch.manual_seed(0)
    model = {**HUGGING_FACE, "granite": granite, "native": bridge}[kind]().eval()
    tokens = ids(3, 20)
    with torch.no_grad():
        out = model(tokens)
    logits = (out if isinstance(out, torch.Tensor) else out.logits)[:, :-1]
    expected = -logits.log_softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]
    # Seven rows of float32 logits: parts that end within a sequence.
    monkeypatch.setattr(outputs, "_CHUNK_BYTES", 7 * 4 * VOCABULARY)
    torch.testing.assert_close(token_losses(model, tokens), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["gpt2", "native", "bridge over gpt2"])
def test_logits_of_all_positions_are_never_there_at_once(kind, monkeypatch) -> None:
    monkeypatch.setattr(outputs, "_CHUNK_BYTES", 5 * 4 * VOCABULARY)
    model = bridge() if kind == "native" else HUGGING_FACE["gpt2"]().eval()
    if kind == "bridge over gpt2":
        model = wrapped(model)
    model = as_model(model)
    token_losses(model, ids(1, 3))  # attention is compared with the model's own, once
    with Largest() as largest:
        token_losses(model, ids(4, 100))
    assert 0 < largest.row_counts[VOCABULARY] <= 5


class Largest(TorchFunctionMode):
    """Watches how many rows tensors have, by their last dimension."""

    def __init__(self) -> None:
        super().__init__()
        self.row_counts: Counter[int] = Counter()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        if isinstance(found, torch.Tensor) and found.ndim:
            rows = found.numel() // max(1, found.shape[-1])
            if not isinstance(found, torch.nn.Parameter) and found.dtype.is_floating_point:
                width = found.shape[-1]
                self.row_counts[width] = max(rows, self.row_counts[width])
        return found


def test_bfloat16_losses_are_summed_in_float32() -> None:
    torch.manual_seed(0)
    model = HUGGING_FACE["llama"]().eval()
    exact = token_losses(model, ids(2, 50))
    half = token_losses(model.bfloat16(), ids(2, 50))
    assert half.dtype == torch.float32
    assert float((half - exact).abs().max()) < 0.02


def granite() -> GraniteForCausalLM:
    return GraniteForCausalLM(
        GraniteConfig(
            vocab_size=VOCABULARY, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, logits_scaling=7.0,
        )
    )  # fmt: skip


def test_what_is_refused(tokenizer) -> None:
    with pytest.raises(ProbeError, match="no next token"):
        token_losses(bridge(), ids(2, 1))
    padded = copy.deepcopy(tokenizer)
    padded.add_special_tokens({"pad_token": "<pad>"})
    rows = ids(2, 8)
    rows[1, 6:] = padded.pad_token_id
    with pytest.raises(ProbeError, match=r"Row 1 has padding .* position 6"):
        token_losses(as_model(bridge(), padded), rows)
