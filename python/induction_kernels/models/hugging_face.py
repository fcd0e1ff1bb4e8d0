"""Causal language models of Transformers."""

from __future__ import annotations

from typing import Any

from torch import nn

from induction_kernels.errors import UnsupportedModelError
from induction_kernels.models.known import name_of
from induction_kernels.models.model import Model
from induction_kernels.models.refusals import refuse_other_tasks


def is_hugging_face(module: Any) -> bool:
    return hasattr(module, "set_attn_implementation") and hasattr(module, "config")


def of_hugging_face(module: Any, tokenizer: Any | None, name: str | None) -> Model:
    config = module.config.get_text_config()
    class_name = type(module).__name__
    refuse_other_tasks(module)
    if isinstance(module.get_input_embeddings(), nn.ModuleList):
        raise UnsupportedModelError(
            f"{class_name} reads several streams of tokens at once.", "Pass a model of one."
        )
    return Model(
        module=module,
        kind="hugging_face",
        tokenizer=tokenizer,
        name=name_of(module, name),
        n_layers=_layers_of(config, class_name),
        n_heads=_heads_of(config, class_name),
        n_ctx=_context_of(module, config),
        d_vocab=int(config.vocab_size),
        weights="raw",
    )


def _first_of(config: Any, *names: str) -> Any:
    """The first of these that the configuration has: one of two stacks calls its own otherwise."""
    return next((value for name in names if (value := getattr(config, name, None))), None)


def _layers_of(config: Any, class_name: str) -> int:
    layers = _first_of(config, "decoder_layers", "num_decoder_layers", "num_hidden_layers")
    if not layers:
        raise UnsupportedModelError(
            f"The configuration of {class_name} does not say how many layers it has.",
            "Pass a model of one stack of layers.",
        )
    return int(layers)


def _context_of(module: Any, config: Any) -> int:
    """The longest sequence: as the configuration says, and no longer than the text model's table of
    positions, which RoBERTa and its like begin to count after the id of padding. ProphetNet looks
    up the position after the last token, too: of what it predicts."""
    said = _first_of(config, "max_position_embeddings", "n_positions", "max_seq_len")
    tables = [
        table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)
        for name, table in module.get_decoder().named_modules()
        if isinstance(table, nn.Embedding) and "position" in name.rpartition(".")[2]
    ]
    ahead = 1 if hasattr(config, "ngram") else 0
    return min([*([int(said)] if said and said > 0 else []), *tables], default=2048) - ahead


def _heads_of(config: Any, class_name: str) -> int:
    try:
        heads = _first_of(
            config, "decoder_attention_heads", "num_decoder_attention_heads", "num_attention_heads"
        )
    except RuntimeError as error:  # Transformers', of what differs from layer to layer
        raise UnsupportedModelError(
            f"{class_name} has layers with different numbers of heads.",
            "Only models with equally many heads in every layer are supported.",
        ) from error
    if not heads:
        raise UnsupportedModelError(
            f"{class_name} has no attention heads: its layers are of another kind.",
            "State-space and recurrent models have no patterns to show.",
        )
    return int(heads)
