"""A local training run: `checkpoint-<step>/` folders, or `<anything>_<step>.safetensors` files."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from induction_kernels.checkpoints.integrity import read_safetensors
from induction_kernels.checkpoints.series import Checkpoint, Source
from induction_kernels.errors import CheckpointError
from induction_kernels.models import as_model

_FOLDER = re.compile(r"checkpoint-(\d+)")
_FILE = re.compile(r".+_(\d+)\.safetensors")


def open_folder(
    folder: Path, model: Any | None, tokenizer: Any | None, tokens_per_step: int | None
) -> Source:
    """The source that fits what `folder` holds.

    Raises:
        CheckpointError: no such folder, nothing to load in it, or files without a model.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is not a folder.", "Give the folder of a training run.")
    folders = _by_step(folder, _FOLDER)
    if folders:
        return HuggingFaceFolders(folder, folders, tokenizer, tokens_per_step)
    files = _by_step(folder, _FILE)
    if not files:
        raise CheckpointError(
            f"{folder} holds no checkpoints.",
            "Expected folders checkpoint-<step>/ or files <anything>_<step>.safetensors.",
        )
    if model is None:
        raise CheckpointError(
            f"{folder} holds weights without a configuration ({files[0][1].name}, ...).",
            "Pass the model they belong to: CheckpointSeries.from_folder(folder, model).",
        )
    return SafetensorsFiles(folder, files, model, tokenizer, tokens_per_step)


def _by_step(folder: Path, pattern: re.Pattern[str]) -> list[tuple[int, Path]]:
    found = [(pattern.fullmatch(path.name), path) for path in folder.iterdir()]
    steps = sorted((int(match[1]), path) for match, path in found if match)
    for (step, path), (following, other) in pairwise(steps):
        if step == following:
            raise CheckpointError(
                f"{path.name} and {other.name} are both step {step}.",
                "Keep one run a folder.",
            )
    return steps


class SafetensorsFiles:
    """Files of weights for a model that the caller has."""

    def __init__(
        self,
        folder: Path,
        files: list[tuple[int, Path]],
        model: Any,
        tokenizer: Any | None,
        tokens_per_step: int | None,
    ) -> None:
        view = as_model(model, tokenizer)
        self.name = folder.name
        self.tokenizer = view.tokenizer
        self._module = view.module
        self._paths = [path for _, path in files]
        self.checkpoints: Sequence[Checkpoint] = [
            Checkpoint(step, None if tokens_per_step is None else step * tokens_per_step)
            for step, _ in files
        ]

    def build(self) -> nn.Module:
        return copy.deepcopy(self._module)

    def weights(self, index: int) -> Mapping[str, Tensor]:
        return read_safetensors(self._paths[index])


class HuggingFaceFolders:
    """What transformers.Trainer leaves behind; the first folder's configuration is the model's."""

    def __init__(
        self,
        folder: Path,
        folders: list[tuple[int, Path]],
        tokenizer: Any | None,
        tokens_per_step: int | None,
    ) -> None:
        self.name = folder.name
        self._paths = [path for _, path in folders]
        self.tokenizer = tokenizer or _tokenizer_in(self._paths[-1]) or _tokenizer_in(folder)
        self.checkpoints: Sequence[Checkpoint] = [
            Checkpoint(step, _tokens_seen(path, step, tokens_per_step)) for step, path in folders
        ]

    def build(self) -> nn.Module:
        from transformers import AutoConfig, AutoModelForCausalLM

        try:
            config = AutoConfig.from_pretrained(self._paths[0], local_files_only=True)
            return AutoModelForCausalLM.from_config(config).eval()
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{self._paths[0]} holds no configuration of a causal language model.",
                f"Transformers says: {str(error).splitlines()[0]}",
            ) from error

    def weights(self, index: int) -> Mapping[str, Tensor]:
        folder = self._paths[index]
        shards = folder / "model.safetensors.index.json"
        if shards.exists():
            names = sorted(set(json.loads(shards.read_text())["weight_map"].values()))
        else:
            names = ["model.safetensors"]
        weights: dict[str, Tensor] = {}
        for name in names:
            weights |= read_safetensors(folder / name)
        return weights


def _tokenizer_in(folder: Path) -> Any | None:
    if not (folder / "tokenizer_config.json").exists():
        return None
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _tokens_seen(folder: Path, step: int, tokens_per_step: int | None) -> int | None:
    """The Trainer's own count where it kept one, else by the caller's rate."""
    state = folder / "trainer_state.json"
    if state.exists():
        counted = json.loads(state.read_text()).get("num_input_tokens_seen", 0)
        if counted:
            return int(counted)
    return None if tokens_per_step is None else step * tokens_per_step
