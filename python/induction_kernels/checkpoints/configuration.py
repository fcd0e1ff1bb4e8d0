"""config.json of a checkpoint, and whether two describe the same forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from induction_kernels.checkpoints.files import read_json
from induction_kernels.checkpoints.saved import refuse_adapter
from induction_kernels.errors import CheckpointError

# Names that say where a model comes from, how it was trained, how it generates or what it returns:
# a run may change them on the way and computes the same. Every other difference counts.
_BESIDE_THE_POINT = frozenset({
    "_name_or_path", "name_or_path", "_commit_hash", "transformers_version", "architectures",
    "tokenizer_class", "task_specific_params", "finetuning_task", "problem_type",
    "id2label", "label2id", "num_labels",
    "dtype", "torch_dtype", "attn_implementation", "_attn_implementation",
    "_attn_implementation_autoset", "_attn_implementation_internal",
    "initializer_range", "initializer_factor", "gradient_checkpointing",
    "use_cache", "return_dict", "output_attentions", "output_hidden_states",
    "chunk_size_feed_forward",
    "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id",
    "unk_token_id", "mask_token_id", "decoder_start_token_id", "forced_bos_token_id",
    "forced_eos_token_id", "bad_words_ids", "suppress_tokens", "begin_suppress_tokens", "prefix",
    "max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups",
    "num_return_sequences", "temperature", "top_k", "top_p", "typical_p", "repetition_penalty",
    "length_penalty", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size",
    "diversity_penalty", "output_scores", "return_dict_in_generate", "remove_invalid_values",
    "exponential_decay_length_penalty",
})  # fmt: skip
_OF_TRAINING = ("dropout", "pdrop", "layerdrop", "aux_loss_coef")


def read_configuration(folder: Path) -> Any:
    """A folder's configuration, as Transformers reads it: what the file leaves out is filled in.

    Raises:
        CheckpointError: there is none, Transformers cannot read it, or it asks for code; or the
            folder holds an adapter only.
    """
    from transformers import AutoConfig

    refuse_adapter(folder)
    path = folder / "config.json"
    refuse_code(path, read_json(path))
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # of any kind: each model's configuration has checks of its own
        raise CheckpointError(
            f"{folder} holds no configuration of a causal language model.", say(error)
        ) from error


def refuse_code(path: Path, content: Mapping[str, Any]) -> None:
    """Raise a CheckpointError if a file tells Transformers to run code that came with it."""
    if content.get("auto_map"):
        raise CheckpointError(
            f"{path} asks for code of its own (auto_map), which is not run.",
            "Remove auto_map if a class of Transformers is meant; otherwise load the model "
            "yourself and give CheckpointSeries.from_state_dicts(model, ..., tokenizer=...).",
        )


def say(error: Exception) -> str:
    """What Transformers said, in one line."""
    lines = str(error).strip().splitlines() or [""]
    return f"Transformers says: {type(error).__name__}: {lines[0]}"


Essence = tuple[tuple[str, str], ...]


def essence(configuration: Any) -> Essence:
    """What decides the forward pass, as names and values; hashable."""
    return tuple(sorted(_leaves(configuration.to_dict())))


def difference(ours: Essence, theirs: Essence) -> str | None:
    """The first name that `ours` has another value for, in words."""
    mine, others = dict(ours), dict(theirs)
    for name in sorted(mine | others):
        if mine.get(name) != others.get(name):
            return f"{name} {mine.get(name, 'missing')} instead of {others.get(name, 'missing')}"
    return None


def _leaves(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if name in _BESIDE_THE_POINT or any(part in name for part in _OF_TRAINING):
            continue
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", repr(value)
