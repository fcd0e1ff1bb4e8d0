"""Tiny models of the architectures that researchers bring, random or trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers as t
from small_models import HUGGING_FACE, VOCABULARY

_SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
    "pad_token_id": None,
}
_GROUPED = _SHAPE | {"num_key_value_heads": 2}

#: Several have what makes a difference to attention: groups, windows, norms of q and k, partial
#: rotation, tied heads.
ARCHITECTURES: dict[str, Callable[[], Any]] = HUGGING_FACE | {
    "mistral": lambda: t.MistralForCausalLM(t.MistralConfig(**_GROUPED, sliding_window=20)),
    "qwen2": lambda: t.Qwen2ForCausalLM(t.Qwen2Config(**_GROUPED)),
    "qwen3": lambda: t.Qwen3ForCausalLM(t.Qwen3Config(**_GROUPED, head_dim=16)),
    "gemma": lambda: t.GemmaForCausalLM(t.GemmaConfig(**_GROUPED, head_dim=16)),
    "gemma3": lambda: t.Gemma3ForCausalLM(
        t.Gemma3TextConfig(**_GROUPED, head_dim=8, sliding_window=16, query_pre_attn_scalar=8)
    ),
    "olmo": lambda: t.OlmoForCausalLM(t.OlmoConfig(**_SHAPE)),
    "olmo2": lambda: t.Olmo2ForCausalLM(t.Olmo2Config(**_GROUPED)),
    "phi": lambda: t.PhiForCausalLM(t.PhiConfig(**_SHAPE)),
    "phi3": lambda: t.Phi3ForCausalLM(t.Phi3Config(**_GROUPED)),
    "opt": lambda: t.OPTForCausalLM(
        t.OPTConfig(
            vocab_size=VOCABULARY, hidden_size=32, ffn_dim=64, num_hidden_layers=2,
            num_attention_heads=4, max_position_embeddings=128, word_embed_proj_dim=32,
        )
    ),
}  # fmt: skip


def trained(model: Any, steps: int = 40) -> Any:
    """The model after a little training on repeated tokens: its heads differ by more than noise."""
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=1e-2)
    for _ in range(steps):
        half = torch.randint(0, VOCABULARY, (8, 12), generator=generator)
        tokens = half.repeat(1, 2)
        logits = model(input_ids=tokens).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def sharpened(model: Any) -> Any:
    """Wider weights than at initialisation, so that patterns are far from uniform."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(4)
    return model.eval()
