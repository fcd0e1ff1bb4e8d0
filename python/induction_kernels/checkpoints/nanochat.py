"""nanochat's own checkpoints: model_<step>.pt, meta_<step>.json; as Transformers' NanoChat."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from induction_kernels.checkpoints.counts import at_rate
from induction_kernels.checkpoints.disk import OnDisk
from induction_kernels.checkpoints.files import is_json, read_json
from induction_kernels.checkpoints.pickled import read_pickled
from induction_kernels.checkpoints.source import Checkpoint
from induction_kernels.errors import CheckpointError
from induction_kernels.whole_numbers import whole_number

_P = TypeVar("_P", bound=PurePath)

#: nanochat's sizes, and what NanoChatConfig calls them.
_SIZES = {
    "sequence_len": "max_position_embeddings",
    "vocab_size": "vocab_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_kv_head": "num_key_value_heads",
    "n_embd": "hidden_size",
}
#: In order; what comes of one is not looked at again.
_NAMES = (
    (r"transformer\.wte\.", "model.embed_tokens."),
    (r"transformer\.h\.(\d+)\.attn\.c_([qkv])\.", r"model.layers.\1.self_attn.\2_proj."),
    (r"transformer\.h\.(\d+)\.attn\.c_proj\.", r"model.layers.\1.self_attn.o_proj."),
    (r"transformer\.h\.(\d+)\.mlp\.c_fc\.", r"model.layers.\1.mlp.fc1."),
    (r"transformer\.h\.(\d+)\.mlp\.c_proj\.", r"model.layers.\1.mlp.fc2."),
)


class Nanochat(OnDisk):
    """A folder base_checkpoints/d<depth>; its tokenizer is a pickle of its own, and not read."""

    def __init__(
        self,
        folder: Path,
        pattern: re.Pattern[str],
        files: list[tuple[int, Path]],
        tokenizer: Any | None,
        tokens_per_step: int | None,
    ) -> None:
        super().__init__(folder, pattern, files)
        self.name, self.tokenizer = folder.name, tokenizer
        self._last = meta_of(self._paths[-1])
        self._rate = tokens_per_step or self._said_rate()
        self.checkpoints: Sequence[Checkpoint] = self._described(files)

    def _described(self, came: list[tuple[int, Path]]) -> list[Checkpoint]:
        return at_rate([step for step, _ in came], self._rate)

    def _is_whole(self, path: Path) -> bool:
        """What describes it is written after it."""
        return super()._is_whole(path) and is_json(meta_of(path))

    def paths(self, index: int) -> list[Path]:
        return [self._paths[index]]

    def build(self) -> nn.Module:
        return built(model_of(self._last), str(self._last))

    def weights(self, index: int) -> Mapping[str, Tensor]:
        path = self._paths[index]
        if model_of(meta_of(path)) != model_of(self._last):
            raise CheckpointError(
                f"{meta_of(path)} describes another model than {self._last.name}.",
                "Keep one model a folder.",
            )
        return renamed(read_pickled(path))

    def _said_rate(self) -> int | None:
        """Tokens a step, as the last checkpoint says."""
        try:
            return rate_of(self._last)
        except CheckpointError:
            return None


def model_of(meta: Path) -> dict[str, Any]:
    """What is said of a checkpoint's model.

    Raises:
        CheckpointError: nothing is, or the file cannot be read.
    """
    said = read_json(meta).get("model_config")
    if not isinstance(said, dict):
        raise CheckpointError(f"{meta} has no model_config.", "It is not one of nanochat's.")
    return said


def rate_of(meta: Path) -> int | None:
    """Tokens a step.

    Raises:
        CheckpointError: the file cannot be read.
    """
    return whole_number(read_json(meta).get("total_batch_size"), 1)


def built(said: Mapping[str, Any], where: str) -> nn.Module:
    """The model that is described.

    Raises:
        CheckpointError: it has parts that Transformers' does not have.
    """
    from transformers import NanoChatConfig, NanoChatForCausalLM

    unknown = sorted(said.keys() - _SIZES.keys())
    missing = sorted(_SIZES.keys() - said.keys())
    if unknown or missing:
        what = f"{unknown[0]}={said[unknown[0]]!r}" if unknown else f"no {missing[0]}"
        raise CheckpointError(
            f"{where} says {what}: it is of another nanochat than the one that Transformers has.",
            "Load the model yourself and give CheckpointSeries.from_folder(folder, model).",
        )
    configuration = NanoChatConfig(
        **{ours: said[theirs] for theirs, ours in _SIZES.items()},
        intermediate_size=4 * said["n_embd"],
        rms_norm_eps=torch.finfo(torch.float32).eps,  # PyTorch's own, where none is given
    )
    model: nn.Module = NanoChatForCausalLM(configuration).eval()
    return model


def renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """By the names of that model."""
    return {_renamed(name): value for name, value in weights.items()}


def meta_of(path: _P) -> _P:
    """What describes a checkpoint's model."""
    return path.with_name(re.sub(r"^model_(\d+)\.pt$", r"meta_\1.json", path.name))


def _renamed(name: str) -> str:
    for pattern, ours in _NAMES:
        renamed, count = re.subn(f"^{pattern}", ours, name)
        if count:
            return renamed
    return name
