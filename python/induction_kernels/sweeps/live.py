"""Scores of a model that is being trained, kept in the store of a sweep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from induction_kernels.attention.door import as_model
from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.checkpoints.copies import copied
from induction_kernels.checkpoints.fingerprints import UNKNOWN, differ, of_files, of_tensors
from induction_kernels.checkpoints.hooks import without_hooks
from induction_kernels.checkpoints.source import Checkpoint
from induction_kernels.errors import CheckpointError, SelectionError
from induction_kernels.models.model import Model
from induction_kernels.sweeps.filling import Filling, refuse_other_weights
from induction_kernels.sweeps.measuring import Asked
from induction_kernels.sweeps.store import Store


class LiveSource:
    """A model in training as a source to which its present is added: only that can be read.

    Args:
        module: the model.
        view: a copy of it, which its user does not see.
    """

    def __init__(self, module: nn.Module, view: Model, name: str) -> None:
        self.name, self.tokenizer = name, view.tokenizer
        self.checkpoints: list[Checkpoint] = []
        self._module, self._copy = module, view.module
        self._saved: Path | None = None

    def add(self, checkpoint: Checkpoint, saved: Path | None) -> None:
        """What it is now; `saved` is the file that this was saved in."""
        others = [one for one in self.checkpoints if one != checkpoint]
        self.checkpoints, self._saved = [*others, checkpoint], saved

    def look(self) -> None:
        """What comes is added."""

    def build(self) -> nn.Module:
        return self._copy

    def fingerprint(self, index: int) -> int:
        if self._saved is not None:  # as a sweep of the folder will have it
            return of_files([self._saved])
        return of_tensors(self.weights(index))

    def weights(self, index: int) -> Mapping[str, Tensor]:
        checkpoint = self.checkpoints[index]
        if checkpoint is not self.checkpoints[-1]:
            raise CheckpointError(
                f"{checkpoint.label} of {self.name} is over.", "Its weights were not kept."
            )
        return self._module.state_dict()


class LiveScores:
    """What is kept of one model.

    Args:
        name: of the series; None for the model's.

    Raises:
        SelectionError: a score that was computed elsewhere.
        StoreError: zarr is not installed, or something else is at that place.
        UnsupportedModelError: the model's attention cannot be read.
    """

    def __init__(
        self, place: str | Path, model: Any, asked: Asked, tokenizer: Any | None, name: str | None
    ) -> None:
        if asked.arrays:
            raise SelectionError(
                f"{asked.arrays[0].name} is an array, which no training run computes.",
                "Give it to sweep(series, scores=...) or InductionExplorer(series, scores=...).",
            )
        module = model.module if isinstance(model, Model) else model
        view = as_model(without_hooks(copied(module)).eval(), tokenizer)
        self._device = view.device
        self._source = LiveSource(module, view, name or view.name)
        self._store, self._asked = Store(place), asked
        self._filling: Filling | None = None

    def keep(self, checkpoint: Checkpoint, saved: Path | None = None) -> None:
        """What the model scores now.

        Args:
            saved: the file that its weights were saved in.

        Raises:
            StoreError: the store is another model's or probe's, or cannot be written.
        """
        self._source.add(checkpoint, saved)
        if self._filling is None:
            self._series = CheckpointSeries(self._source, private=True)
            self._filling = Filling(self._store, self._series, self._asked)
        self._series.refresh()
        index = self._series.find(checkpoint)
        self._filling.expect([index])
        self._make_way(index)
        with _apart(self._device):
            error = self._filling.attempt(index)
        if error is not None:
            self._filling.miss(index, error)

    def _make_way(self, index: int) -> None:
        """A run that goes on from before the end of what is there writes over the rest. At its
        beginning it is another run.

        Raises:
            StoreError: it is.
        """
        checkpoint = self._series[index]
        kept = self._store.fingerprints().get(checkpoint.label, UNKNOWN)
        if kept == UNKNOWN or not differ(kept, self._series.fingerprint(index)):
            return
        if checkpoint.step == 0:
            refuse_other_weights(self._store, self._series)
        self._store.forget([checkpoint])


@contextmanager
def _apart(device: torch.device) -> Iterator[None]:
    """Random numbers that are drawn inside are not missing outside, and no precision of the loop's
    reaches in."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices), torch.autocast(device.type, enabled=False):
        yield
