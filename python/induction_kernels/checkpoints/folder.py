"""A local training run: `checkpoint-<step>/` folders, or files `<anything>_<step>` of weights."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from induction_kernels.attention.door import as_model
from induction_kernels.checkpoints.copies import copied
from induction_kernels.checkpoints.counts import at_rate, rate_of
from induction_kernels.checkpoints.disk import OnDisk, by_step
from induction_kernels.checkpoints.hugging_face import HuggingFaceFolders
from induction_kernels.checkpoints.nanochat import Nanochat, meta_of
from induction_kernels.checkpoints.pickled import read_pickled
from induction_kernels.checkpoints.source import Checkpoint, Source
from induction_kernels.checkpoints.tensors import read_safetensors
from induction_kernels.checkpoints.transformer_lens import by_the_models_names
from induction_kernels.errors import CheckpointError

_FOLDER = re.compile(r"checkpoint-(\d+)")
#: Which are looked for one after the other; optimizers lie beside weights.
_FILES = (
    re.compile(r".+_(\d+)\.safetensors"),
    re.compile(r"(?!optim).+_(?:step)?(\d+)\.(?:pt|pth)"),
)


def open_folder(
    folder: Path, model: Any | None, tokenizer: Any | None, tokens_per_step: int | None
) -> Source:
    """The source that fits what `folder` holds.

    Raises:
        CheckpointError: no such folder, nothing to load in it, files without a model or a model
            beside folders, or `tokens_per_step` that is no whole number above 0.
    """
    tokens_per_step = rate_of(tokens_per_step)
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is not a folder.", "Give the folder of a training run.")
    folders = by_step(folder, _FOLDER)
    if folders and model is not None:
        raise CheckpointError(
            f"{folder} holds {folders[0][1].name}/ and others with a configuration each, and a "
            f"model ({type(model).__name__}) was given as well.",
            "Leave the model out; or, to see these weights in a model of your own, give "
            "CheckpointSeries.from_state_dicts(model, ...).",
        )
    if folders:
        return HuggingFaceFolders(folder, _FOLDER, folders, tokenizer, tokens_per_step)
    kind, files = next(
        ((kind, found) for kind in _FILES if (found := by_step(folder, kind))), (_FILES[0], [])
    )
    if not files:
        raise CheckpointError(
            f"{folder} holds no checkpoints{_instead(folder)}.",
            "Expected folders checkpoint-<step>/ or files <anything>_<step>.safetensors, .pt or "
            ".pth.",
        )
    if model is None and (meta := meta_of(files[-1][1])).suffix == ".json" and meta.is_file():
        return Nanochat(folder, kind, files, tokenizer, tokens_per_step)
    if model is None:
        raise CheckpointError(
            f"{folder} holds weights without a configuration ({files[0][1].name}, ...).",
            "Pass the model they belong to: CheckpointSeries.from_folder(folder, model).",
        )
    return WeightFiles(folder, kind, files, model, tokenizer, tokens_per_step)


def _instead(folder: Path) -> str:
    held = sorted(path.name for path in folder.iterdir())
    more = f" and {len(held) - 6} more" if len(held) > 6 else ""
    return f" ({', '.join(held[:6])}{more})" if held else ", nor anything else"


class WeightFiles(OnDisk):
    """Files of weights for a model that the caller has."""

    def __init__(
        self,
        folder: Path,
        pattern: re.Pattern[str],
        files: list[tuple[int, Path]],
        model: Any,
        tokenizer: Any | None,
        tokens_per_step: int | None,
    ) -> None:
        super().__init__(folder, pattern, files)
        view = as_model(model, tokenizer)
        self.name = folder.name
        self.tokenizer = view.tokenizer
        self._module = view.module
        self._rate = tokens_per_step
        self.checkpoints: Sequence[Checkpoint] = self._described(files)

    def _described(self, came: list[tuple[int, Path]]) -> list[Checkpoint]:
        return at_rate([step for step, _ in came], self._rate)

    def build(self) -> nn.Module:
        return copied(self._module)

    def weights(self, index: int) -> Mapping[str, Tensor]:
        path = self._paths[index]
        weights = read_safetensors(path) if path.suffix == ".safetensors" else read_pickled(path)
        return by_the_models_names(weights, self._module, path.name)

    def paths(self, index: int) -> list[Path]:
        return [self._paths[index]]
