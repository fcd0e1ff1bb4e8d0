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
#: rotation, tied heads, soft caps, sinks, biases by distance, values narrower than keys.
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
    "bloom": lambda: t.BloomForCausalLM(
        t.BloomConfig(vocab_size=VOCABULARY, hidden_size=32, n_layer=2, n_head=4)
    ),
    "mpt": lambda: t.MptForCausalLM(
        t.MptConfig(vocab_size=VOCABULARY, d_model=32, n_layers=2, n_heads=4, max_seq_len=128)
    ),
    "gpt_oss": lambda: _with_sinks(t.GptOssForCausalLM(
        t.GptOssConfig(**_GROUPED, head_dim=8, num_local_experts=4, sliding_window=16)
    )),
    "deepseek_v3": lambda: t.DeepseekV3ForCausalLM(
        t.DeepseekV3Config(
            **_SHAPE, num_key_value_heads=4, moe_intermediate_size=16, n_routed_experts=4,
            num_experts_per_tok=2, n_group=1, topk_group=1, kv_lora_rank=8, q_lora_rank=8,
            qk_rope_head_dim=8, qk_nope_head_dim=8, v_head_dim=12,
        )
    ),
}  # fmt: skip


def _with_sinks(model: Any) -> Any:
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.sinks.copy_(torch.linspace(-1, 1.5, 4))
    return model


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
