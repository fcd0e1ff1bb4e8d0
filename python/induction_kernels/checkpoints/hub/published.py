"""Checkpoints on a hub: each a branch, or a folder, with weights and a configuration as those of
Transformers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from induction_kernels.checkpoints.configuration import (
    Essence,
    difference,
    essence,
    read_configuration,
)
from induction_kernels.checkpoints.fingerprints import of_hashes
from induction_kernels.checkpoints.hub.cache import Entry
from induction_kernels.checkpoints.hub.hub import Hub
from induction_kernels.checkpoints.hub.line import Line
from induction_kernels.checkpoints.hugging_face import OF_TOKENIZERS, read_tokenizer
from induction_kernels.checkpoints.pickled import read_pickled
from induction_kernels.checkpoints.renamed import Architecture
from induction_kernels.checkpoints.source import Checkpoint
from induction_kernels.checkpoints.tensors import joined, read_safetensors
from induction_kernels.errors import CheckpointError

_CONFIGURATION = "config.json"
#: In the order in which they are looked for.
_KINDS = (("model", "safetensors"), ("pytorch_model", "bin"))


class Published:
    """The checkpoints of a line, each downloaded when it is loaded.

    Attributes:
        commits: by repository and revision.
    """

    def __init__(
        self, hub: Hub, line: Line, commits: Mapping[tuple[str, str], str], tokenizer: Any | None
    ) -> None:
        self.hub, self.line, self.commits = hub, line, commits
        repositories = dict.fromkeys(point.repository for point in line.points)
        self.name = " + ".join(one.rpartition("/")[2] for one in repositories)
        self.checkpoints: Sequence[Checkpoint] = [point.checkpoint for point in line.points]
        self._tokenizer = tokenizer

    # --- what is where ---

    def commit(self, index: int) -> str:
        point = self.line.points[index]
        return self.commits[point.repository, point.revision]

    def files(self, index: int) -> dict[str, Entry]:
        """What is in a checkpoint, by names inside of it; nothing of it is downloaded."""
        point = self.line.points[index]
        return self.inside(point.repository, self.commit(index), point.path)

    def inside(self, repository: str, commit: str, folder: str) -> dict[str, Entry]:
        files = self.hub.files(repository, commit)
        before = f"{folder}/" if folder else ""
        return {p.removeprefix(before): e for p, e in files.items() if p.startswith(before)}

    def weight_files(self, index: int) -> dict[str, Entry]:
        """The files that its weights are in.

        Raises:
            CheckpointError: there are none, or not all shards.
        """
        return weight_files(self.files(index), self._where(index))

    def _fetch(self, index: int, name: str, entry: Entry) -> Path:
        point = self.line.points[index]
        path = f"{point.path}/{name}" if point.path else name
        return self.hub.file(point.repository, self.commit(index), path, entry)

    def _where(self, index: int) -> str:
        point = self.line.points[index]
        return f"{point.repository}, {point.name}"

    # --- as Remote ---

    def to_download(self, index: int) -> int:
        cache, where = self.hub.cache, self._snapshot(index)
        missing = {
            entry.identity: entry.size
            for path, entry in self._weights_at(index).items()
            if not cache.is_here(*where, path)
        }
        return sum(missing.values())

    def evict(self, index: int) -> None:
        for path in self._weights_at(index):
            self.hub.cache.evict(*self._snapshot(index), path)

    @contextmanager
    def passing(self, index: int) -> Iterator[None]:
        where = self._snapshot(index)
        with ExitStack() as files:
            for path, entry in self._weights_at(index).items():
                files.enter_context(self.hub.cache.passing(*where, path, entry))
            yield

    def _snapshot(self, index: int) -> tuple[str, str]:
        return self.line.points[index].repository, self.commit(index)

    def room(self) -> int:
        return self.hub.cache.room()

    def _weights_at(self, index: int) -> dict[str, Entry]:
        """Its weight files, by their paths in the repository."""
        folder = self.line.points[index].path
        before = f"{folder}/" if folder else ""
        return {before + name: entry for name, entry in self.weight_files(index).items()}

    # --- as Fingerprinted, and Hashed ---

    def fingerprint(self, index: int) -> int:
        return of_hashes(self.hashes(index).values())

    def hashes(self, index: int) -> Mapping[str, str]:
        return {name: entry.identity for name, entry in self.weight_files(index).items()}

    def final_hashes(self) -> Mapping[str, str]:
        """Of the branch main of the last repository."""
        point = self.line.points[-1]
        commit = self.commits.get((point.repository, "main"))
        if commit is None or point.path:
            return {}
        try:
            files = weight_files(self.inside(point.repository, commit, ""), "main")
        except CheckpointError:
            return {}
        return {name: entry.identity for name, entry in files.items()}

    def ends(self, index: int) -> bool:
        return self.line.points[index].number == self.line.end

    def still(self) -> bool:
        return self.line.still

    def billions(self, index: int) -> int | None:
        return self.line.points[index].billions

    # --- as a Source ---

    @cached_property
    def tokenizer(self) -> Any | None:
        """The caller's, or that of the last checkpoint which has one that can be had; a warning
        says where none can."""
        if self._tokenizer is not None and not isinstance(self._tokenizer, str):
            return self._tokenizer
        if self._tokenizer is not None:
            return fetch_tokenizer(self.hub, self._tokenizer)
        faults: list[str] = []
        for index in dict.fromkeys((len(self.checkpoints) - 1, 0)):
            try:
                files = self.files(index)
                names = [name for name in files if OF_TOKENIZERS.fullmatch(name)]
                if "tokenizer_config.json" in names:
                    paths = [self._fetch(index, name, files[name]) for name in names]
                    return read_tokenizer(paths[0].parent)
            except CheckpointError as error:
                faults.append(str(error))
        if faults:
            warnings.warn(f"No tokenizer is used: {faults[0]}", stacklevel=2)
        return None

    def build(self) -> nn.Module:
        return self._architecture.build()

    def weights(self, index: int) -> Mapping[str, Tensor]:
        return self.renamed(index, self.read(index))

    def read(self, index: int) -> Mapping[str, Tensor]:
        files = self.weight_files(index)
        self._check_configuration(index)
        paths = ((name, self._fetch(index, name, entry)) for name, entry in files.items())
        shards = (
            (name, read_safetensors(path) if path.suffix == ".safetensors" else read_pickled(path))
            for name, path in paths
        )
        return joined(shards, self._where(index), "They are not of one checkpoint.")

    def renamed(self, index: int, held: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return self._architecture.renamed(held, self._where(index))

    # --- its configuration ---

    @cached_property
    def _described(self) -> tuple[int, Any]:
        """The last checkpoint whose configuration can be had, and that."""
        fault = None
        for index in reversed(range(len(self.checkpoints))):
            try:
                return index, self._configuration(index)
            except CheckpointError as error:
                fault = fault or error
        assert fault is not None
        raise fault

    @cached_property
    def _architecture(self) -> Architecture:
        index, configuration = self._described
        return Architecture(configuration, self._where(index))

    @cached_property
    def _essence(self) -> Essence:
        return essence(self._described[1])

    def _configuration(self, index: int) -> Any:
        entry = self.files(index).get(_CONFIGURATION)
        if entry is None:
            raise CheckpointError(
                f"{self._where(index)} has no {_CONFIGURATION}.",
                "Load the model yourself and give CheckpointSeries.from_state_dicts(model, ...).",
            )
        return read_configuration(self._fetch(index, _CONFIGURATION, entry).parent)

    def _check_configuration(self, index: int) -> None:
        """Raise a CheckpointError if a checkpoint has a configuration of another model."""
        of, where = self._described[0], self._where(index)
        mine = self.files(index).get(_CONFIGURATION)
        if mine is None or mine == self.files(of)[_CONFIGURATION]:
            return
        differs = difference(essence(self._configuration(index)), self._essence)
        if differs is not None:
            raise CheckpointError(
                f"{where} is of another model than {self._where(of)}: {differs}.",
                "Give steps=... without it.",
            )


class PublishedFiles(Published):
    """Where each checkpoint is a file of one repository."""

    def weight_files(self, index: int) -> dict[str, Entry]:
        point = self.line.points[index]
        return {point.path: self.hub.files(point.repository, self.commit(index))[point.path]}

    def _weights_at(self, index: int) -> dict[str, Entry]:
        return self.weight_files(index)

    def final_hashes(self) -> Mapping[str, str]:
        return {}

    def fetch(self, index: int, path: str) -> Path:
        """A file that stands beside a checkpoint's.

        Raises:
            CheckpointError: there is none, or it cannot be had.
        """
        repository, commit = self.line.points[index].repository, self.commit(index)
        entry = self.hub.files(repository, commit).get(path)
        if entry is None:
            raise CheckpointError(f"{repository} has no {path}.", "Nobody can tell its shape.")
        return self.hub.file(repository, commit, path, entry)

    def read(self, index: int) -> Mapping[str, Tensor]:
        return read_pickled(self.fetch(index, self.line.points[index].path))


def weight_files(files: Mapping[str, Entry], where: str) -> dict[str, Entry]:
    """Those of these files that hold a model's weights: safetensors if there are any.

    Raises:
        CheckpointError: there are none, or not all shards.
    """
    for stem, ending in _KINDS:
        whole = f"{stem}.{ending}"
        if whole in files:
            return {whole: files[whole]}
        shards = {}
        for name in sorted(files):
            match = re.fullmatch(rf"{stem}-(\d+)-of-(\d+)\.{ending}", name)
            if match:
                shards[int(match[1])] = (name, int(match[2]))
        if shards:
            total = max(of for _, of in shards.values())
            missing = sorted(set(range(1, total + 1)) - shards.keys())
            if missing:
                raise CheckpointError(
                    f"{where} has no shard {missing[0]} of {total}.",
                    "It was not uploaded to its end; choose other steps.",
                )
            return {name: files[name] for _, (name, _) in sorted(shards.items())}
    there = ", ".join(sorted(files)[:8]) or "nothing"
    raise CheckpointError(
        f"{where} has no weights: neither safetensors nor pytorch_model.bin (there: {there}).",
        "It was not uploaded to its end; choose other steps.",
    )


def fetch_tokenizer(hub: Hub, repository: str) -> Any:
    """The tokenizer of a repository's branch main.

    Raises:
        CheckpointError: no such repository, or none in it.
    """
    commit = hub.refs(repository).get("main")
    files = {} if commit is None else hub.files(repository, commit)
    paths = [
        hub.file(repository, commit, name, entry)
        for name, entry in files.items()
        if commit is not None and OF_TOKENIZERS.fullmatch(name)
    ]
    if not paths:
        raise CheckpointError(f"{repository} holds no tokenizer.", "Give tokenizer=... itself.")
    return read_tokenizer(paths[0].parent)
