"""Folders of transformers.Trainer: checkpoint-<step>/, each with weights and configuration."""

from __future__ import annotations

import os
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, reduce
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from induction_kernels.checkpoints.configuration import (
    difference,
    essence,
    read_configuration,
    refuse_code,
    say,
)
from induction_kernels.checkpoints.counts import STATE, tokens_and_notes, tokens_seen
from induction_kernels.checkpoints.disk import OnDisk
from induction_kernels.checkpoints.files import check_file, is_json, read_json
from induction_kernels.checkpoints.renamed import Architecture
from induction_kernels.checkpoints.saved import read_weights, weight_paths
from induction_kernels.checkpoints.source import Checkpoint
from induction_kernels.checkpoints.whole import is_whole
from induction_kernels.errors import CheckpointError

# Names of the files that the tokenizers of Transformers may open.
OF_TOKENIZERS = re.compile(
    r"config\.json|(tokenizer|special_tokens|added_tokens|chat_template|.*vocab|merges|normalizer"
    r"|emoji|dict|bpe|byte_maps|word_).*|.*\.(model|tokenizer|tiktoken)"
)


class HuggingFaceFolders(OnDisk):
    """What transformers.Trainer leaves behind; the model is the one that most folders describe."""

    def __init__(
        self,
        folder: Path,
        pattern: re.Pattern[str],
        folders: list[tuple[int, Path]],
        tokenizer: Any | None,
        tokens_per_step: int | None,
    ) -> None:
        super().__init__(folder, pattern, folders)
        self.name = folder.name
        self._rate = tokens_per_step
        self._with_states = any(os.path.lexists(path / STATE) for path in self._paths)
        self.tokenizer = tokenizer or _tokenizer_of([self._paths[-1], folder, *self._paths[-2::-1]])
        self.checkpoints: Sequence[Checkpoint] = [
            Checkpoint(step, tokens, estimated)
            for (step, _), (tokens, estimated) in zip(
                folders, tokens_seen(folders, tokens_per_step), strict=True
            )
        ]

    def _described(self, came: list[tuple[int, Path]]) -> list[Checkpoint]:
        steps = [one.step for one in self.checkpoints]
        every = sorted([*zip(steps, self._paths, strict=False), *came])
        seen, _ = tokens_and_notes(every, self._rate)
        at = dict(zip([step for step, _ in every], seen, strict=True))
        return [Checkpoint(step, *at[step]) for step, _ in came]

    def _is_whole(self, path: Path) -> bool:
        """A Trainer writes its state last."""
        try:
            weights = weight_paths(path)
        except CheckpointError:
            return False
        return all(map(is_whole, weights)) and (not self._with_states or is_json(path / STATE))

    def build(self) -> nn.Module:
        path, configuration = self._common
        return Architecture(configuration, str(path)).build()

    def weights(self, index: int) -> Mapping[str, Tensor]:
        folder, (described, ours) = self._paths[index], self._common
        theirs = read_configuration(folder)
        differs = difference(essence(theirs), essence(ours))
        if differs is not None:
            raise CheckpointError(
                f"{folder}/config.json describes another model than {described.name}: {differs}.",
                "Keep one model a folder.",
            )
        return read_weights(folder)

    def paths(self, index: int) -> list[Path]:
        return weight_paths(self._paths[index])

    @cached_property
    def _common(self) -> tuple[Path, Any]:
        """The first folder whose configuration most folders share, and that configuration, in the
        widest dtype of these.

        Raises:
            CheckpointError: no folder has one.
        """
        described: list[tuple[Path, Any]] = []
        fault = None
        for path in self._paths:
            try:
                described.append((path, read_configuration(path)))
            except CheckpointError as error:
                fault = fault or error
        if fault is not None and not described:
            raise fault
        essences = [essence(configuration) for _, configuration in described]
        common = Counter(essences).most_common(1)[0][0]  # of equally many, the first
        sharing = [pair for pair, kind in zip(described, essences, strict=True) if kind == common]
        dtypes = {configuration.dtype or torch.float32 for _, configuration in sharing}
        path, configuration = sharing[0]
        configuration.dtype = reduce(torch.promote_types, dtypes)
        return path, configuration


def _tokenizer_of(folders: Iterable[Path]) -> Any | None:
    """The first tokenizer that can be read; a warning says which cannot."""
    faults: list[str] = []
    tokenizer = None
    for folder in folders:
        if not os.path.lexists(folder / "tokenizer_config.json"):
            continue
        try:
            tokenizer = read_tokenizer(folder)
            break
        except CheckpointError as error:
            faults.append(str(error))
    if faults:
        instead = (
            f"The tokenizer in {folder} is used."
            if tokenizer is not None
            else "No tokenizer is used."
        )
        warnings.warn(f"{' '.join(faults)} {instead}", stacklevel=5)  # of from_folder's caller
    return tokenizer


def read_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    path = folder / "tokenizer_config.json"
    refuse_code(path, read_json(path))
    for path in sorted(folder.iterdir()):
        if OF_TOKENIZERS.fullmatch(path.name) and not path.is_dir():
            check_file(path)  # which Transformers passes over where it is none
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # of any kind: each tokenizer has files of its own
        raise CheckpointError(f"The tokenizer in {folder} cannot be read.", say(error)) from error
