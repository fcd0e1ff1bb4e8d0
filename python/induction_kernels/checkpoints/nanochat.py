"""nanochat's own checkpoints: model_<step>.pt, meta_<step>.json; as Transformers' NanoChat."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from induction_kernels.checkpoints.counts import at_rate
from induction_kernels.checkpoints.disk import OnDisk
from induction_kernels.checkpoints.files import is_json, read_json
from induction_kernels.checkpoints.pickled import read_pickled
from induction_kernels.checkpoints.source import Checkpoint
from induction_kernels.errors import CheckpointError
from induction_kernels.whole_numbers import whole_number

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
        from transformers import NanoChatForCausalLM

        model: nn.Module = NanoChatForCausalLM(self._configuration).eval()
        return model

    def weights(self, index: int) -> Mapping[str, Tensor]:
        path = self._paths[index]
        if _said(meta_of(path)) != _said(self._last):
            raise CheckpointError(
                f"{meta_of(path)} describes another model than {self._last.name}.",
                "Keep one model a folder.",
            )
        return {_renamed(name): value for name, value in read_pickled(path).items()}

    @cached_property
    def _configuration(self) -> Any:
        from transformers import NanoChatConfig

        said = _said(self._last)
        unknown = sorted(said.keys() - _SIZES.keys())
        missing = sorted(_SIZES.keys() - said.keys())
        if unknown or missing:
            what = f"{unknown[0]}={said[unknown[0]]!r}" if unknown else f"no {missing[0]}"
            raise CheckpointError(
                f"{self._last} says {what}: it is of another nanochat than the one that "
                "Transformers has.",
                "Load the model yourself and give CheckpointSeries.from_folder(folder, model).",
            )
        return NanoChatConfig(
            **{ours: said[theirs] for theirs, ours in _SIZES.items()},
            intermediate_size=4 * said["n_embd"],
            rms_norm_eps=torch.finfo(torch.float32).eps,  # PyTorch's own, where none is given
        )

    def _said_rate(self) -> int | None:
        """Tokens a step, as the last checkpoint says."""
        try:
            return whole_number(read_json(self._last).get("total_batch_size"), 1)
        except CheckpointError:
            return None


def _said(meta: Path) -> dict[str, Any]:
    said = read_json(meta).get("model_config")
    if not isinstance(said, dict):
        raise CheckpointError(f"{meta} has no model_config.", "It is not one of nanochat's.")
    return said


def meta_of(path: Path) -> Path:
    """What describes a checkpoint's model."""
    return path.with_name(re.sub(r"^model_(\d+)\.pt$", r"meta_\1.json", path.name))


def _renamed(name: str) -> str:
    for pattern, ours in _NAMES:
        renamed, count = re.subn(f"^{pattern}", ours, name)
        if count:
            return renamed
    return name
