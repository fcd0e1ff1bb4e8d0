"""Small models with random weights, one of each kind."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from transformer_lens.config import TransformerBridgeConfig
from transformer_lens.model_bridge import TransformerBridge
from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
)

VOCABULARY = 320
_SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
}


def bridge(**changes: Any) -> TransformerBridge:
    """A TransformerLens-native model: attention only, 2 layers of 4 heads."""
    shape: dict[str, Any] = {
        "d_model": 32,
        "n_layers": 2,
        "n_heads": 4,
        "d_head": 8,
        "n_ctx": 128,
        "d_vocab": VOCABULARY,
        "attn_only": True,
        "normalization_type": "LN",
        "seed": 0,
    }
    return TransformerBridge.boot_native(TransformerBridgeConfig(**(shape | changes)))


HUGGING_FACE: dict[str, Callable[[], Any]] = {
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(
            n_layer=2, n_embd=32, n_head=4, vocab_size=VOCABULARY, n_positions=128,
            bos_token_id=0, eos_token_id=0,
        )
    ),
    "gpt_neox": lambda: GPTNeoXForCausalLM(GPTNeoXConfig(**_SHAPE)),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**_SHAPE, num_key_value_heads=2)),
    "gemma2": lambda: Gemma2ForCausalLM(
        Gemma2Config(**_SHAPE, num_key_value_heads=2, head_dim=8, sliding_window=16)
    ),
}  # fmt: skip


def wrapped(model: Any) -> TransformerBridge:
    """A TransformerBridge over a copy of a Hugging Face model."""
    return build_bridge_from_module(
        copy.deepcopy(model), architecture=type(model).__name__, hf_config=model.config
    )


def variants(model: TransformerBridge, count: int = 4) -> list[dict[str, torch.Tensor]]:
    """State dicts that differ, the first being the model's own."""
    generator = torch.Generator().manual_seed(0)
    return [
        {
            k: v.detach() + i * 0.3 * torch.randn(v.shape, generator=generator)
            for k, v in model.state_dict().items()
        }
        for i in range(count)
    ]
