"""A tiny model of every causal language model that Transformers has."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

VOCABULARY, WIDTH, HEADS, LAYERS = 320, 32, 4, 2

#: What the fields of configurations are called, by the size that they get.
_SIZES: list[tuple[int, str]] = [
    (WIDTH, "hidden_size d_model n_embd embedding_size embedding_dim word_embed_proj_dim emb_dim "
    "attention_hidden_size lru_width backbone_hidden_size input_embedding_size dim_model_base "
    "output_embedding_size pronunciation_embed_dim shape_embed_dim"),
    (48, "intermediate_size ffn_dim encoder_ffn_dim decoder_ffn_dim n_inner dff dim_ff d_inner "
    "ffn_hidden_size feed_forward_size intermediate_size_mlp dense_intermediate_size"),
    (16, "moe_intermediate_size shared_expert_intermediate_size shared_experts_intermediate_size "
    "moe_shared_expert_intermediate_size expert_ffn_hidden_size shared_intermediate_size "
    "router_hidden_size ple_embed_dim hc_lowrank rel_extent prompt_mid_dim laurel_rank "
    "hidden_size_per_layer_input index_head_dim local_attention num_buckets "
    "relative_max_distance mamba_d_head mamba_head_dim mamba_headdim head_dim_mamba"),
    (LAYERS, "num_hidden_layers n_layer n_layers num_layers encoder_layers decoder_layers "
    "num_encoder_layers num_decoder_layers num_layers_per_stack num_blocks"),
    (HEADS, "num_attention_heads n_head n_heads encoder_attention_heads decoder_attention_heads "
    "num_heads attention_heads num_encoder_attention_heads num_decoder_attention_heads "
    "swa_num_attention_heads mamba_n_heads mamba_num_heads linear_num_value_heads "
    "linear_num_heads num_query_groups n_mamba_heads num_experts num_local_experts "
    "n_routed_experts moe_num_experts linear_num_key_heads zero_expert_num adapter_rank "
    "o_groups heads_per_ngram"),
    (2, "num_key_value_heads num_kv_heads swa_num_key_value_heads num_experts_per_tok "
    "num_experts_per_token moe_topk moe_k index_n_heads prompt_length time_step_rank "
    "mamba_dt_rank gated_norm_rank hc_count prompt_types"),
    (8, "head_dim kv_channels d_head attention_head_dim dim_head attention_head_size swa_head_dim "
    "kv_lora_rank q_lora_rank qk_rope_head_dim qk_nope_head_dim linear_head_dim o_lora_rank "
    "linear_key_head_dim linear_value_head_dim state_size mamba_d_state ssm_state_size chunk_size "
    "mamba_chunk_size d_rel compress_dim query_pre_attn_scalar"),
    (12, "v_head_dim"),
    (4, "rotary_dim index_topk block_size index_block_size mem_len attention_chunk_size"),
    (6, "sliding_window sliding_window_size window_size attention_window_size"),
    (1, "n_group topk_group num_expert_group n_groups mamba_n_groups mamba_ngroups "
    "n_shared_experts num_shared_experts moe_num_shared_experts first_k_dense_replace "
    "num_dense_layers"),
    (64, "max_position_embeddings n_positions n_ctx max_seq_len context_length model_max_length "
    "max_target_positions max_source_positions position_bias_max_distance mamba_d_ssm "
    "original_max_position_embeddings keep_window_size"),
    (VOCABULARY, "vocab_size unpadded_vocab_size decoder_vocab_size vocab_size_per_layer_input"),
    (0, "num_nextn_predict_layers num_kv_shared_layers"),
]  # fmt: skip
SIZES = {name: size for size, names in _SIZES for name in names.split()}

#: Leaves a field at the configuration's own default.
_OWN = object()
_HYBRID = ["linear_attention", "hybrid"]
_ZAMBA = {
    "layers_block_type": [*_HYBRID, *_HYBRID], "layer_types": _OWN, "num_hidden_layers": 4,
    "num_key_value_heads": HEADS, "attention_hidden_size": 64, "attention_head_dim": 16,
    "head_dim": _OWN,
}  # fmt: skip
_SHARED_KEYS = {
    "layer_types": ["sliding_attention", "full_attention"] * 2, "num_hidden_layers": 4,
    "num_kv_shared_layers": 2, "global_head_dim": 8,
}  # fmt: skip
_MIXED = {"layer_types": ["linear_attention", "full_attention"], "num_hidden_layers": 2}

#: What the fields by themselves would get wrong, by class.
_SPECIAL: dict[str, dict[str, Any]] = {
    "BambaForCausalLM": {"layer_types": _OWN, "attn_layer_indices": [1]},
    "CohereCompassForCausalLM": {
        "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 10000.0}}
    },
    "CpmAntForCausalLM": {"prompt_types": 8, "segment_types": 8, "prompt_length": 2},
    "BltForCausalLM": {"encoder_hash_byte_group_vocab": 64},
    "DbrxForCausalLM": {
        "attn_config": {"kv_n_heads": 2, "rope_theta": 10000.0, "clip_qkv": 8.0}
    },
    "FalconH1ForCausalLM": {"layer_types": _OWN},
    "Gemma3nForCausalLM": _SHARED_KEYS | {"activation_sparsity_pattern": [0.0] * 4},
    "Gemma4ForCausalLM": _SHARED_KEYS,
    "GPTNeoForCausalLM": {"attention_types": [[["global", "local"], 1]], "attention_layers": _OWN},
    "GraniteMoeHybridForCausalLM": _MIXED,
    "HrmTextForCausalLM": {"num_hidden_layers": 16},
    "JambaForCausalLM": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "Lfm2MoeForCausalLM": {"layer_types": ["conv", "full_attention"]},
    "Mamba2ForCausalLM": {"head_dim": 16},
    "MusicgenForCausalLM": {"num_codebooks": 1},
    "MusicgenMelodyForCausalLM": {"num_codebooks": 1},
    "Qwen4ExpForCausalLM": {
        "indexer_n_heads": 2, "indexer_kv_heads": 1, "indexer_head_dim": 8, "indexer_budget": 4,
        "indexer_compress_ratio": 1,
    },
    "RecurrentGemmaForCausalLM": {"layer_types": _OWN, "num_hidden_layers": 3},
    "ReformerModelWithLMHead": {
        "axial_pos_shape": [8, 8], "axial_pos_embds_dim": [16, 16], "attn_layers": ["local", "lsh"],
    },
    "XmodForCausalLM": {"default_language": "en_XX"},
    "Zamba2ForCausalLM": _ZAMBA,
    "ZambaForCausalLM": _ZAMBA,
    "ZayaForCausalLM": {"num_experts_per_tok": 1},
    "xLSTMForCausalLM": {"hidden_size": 64, "embedding_dim": 64},
}  # fmt: skip


def causal_models() -> list[str]:
    """The classes of all causal language models."""
    return sorted(set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()))


def tiny(name: str, **changes: Any) -> Any:
    """The model with random weights, large enough for patterns that are far from uniform.

    `changes` are of its configuration.
    """
    torch.manual_seed(0)
    model_class = getattr(transformers, name)
    config = _shrunk(model_class.config_class, _SPECIAL.get(name, {}) | changes)
    module = model_class(config).float().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 1.3 / parameter.shape[-1] ** 0.5)
            elif parameter.is_floating_point():
                parameter.add_(0.2 * torch.randn_like(parameter))
    return module


def _shrunk(config_class: Any, special: dict[str, Any]) -> Any:
    default = config_class()
    sizes = {name: size for name, size in SIZES.items() if _has(default, name)}
    if _has(default, "kv_lora_rank") and "num_key_value_heads" in sizes:
        sizes["num_key_value_heads"] = HEADS
    if _has(default, "layer_types") and default.layer_types:
        kinds = list(dict.fromkeys(default.layer_types))
        sizes["layer_types"] = kinds if len(kinds) > 1 else kinds * LAYERS
        sizes["num_hidden_layers"] = len(sizes["layer_types"])
    if _has(default, "mlp_layer_types") and default.mlp_layer_types:
        sizes["mlp_layer_types"] = [default.mlp_layer_types[-1]] * sizes["num_hidden_layers"]
    for token in ("pad_token_id", "bos_token_id", "eos_token_id"):
        if _has(default, token):
            sizes[token] = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}[token]
    if _has(default, "is_decoder"):
        sizes["is_decoder"] = True
    for name in config_class.sub_configs:
        own = getattr(default, name, None)
        if own is not None and special.get(name) is not _OWN:
            sizes[name] = _shrunk(type(own), special.pop(name, {})).to_dict()
    sizes |= special
    return config_class(**{name: value for name, value in sizes.items() if value is not _OWN})


def _has(config: Any, name: str) -> bool:
    return name in config.to_dict() or name in config.attribute_map
