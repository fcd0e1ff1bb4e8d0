"""The one model of a series, into which its checkpoints are loaded."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from induction_kernels.checkpoints.ahead import ReadAhead, Weights
from induction_kernels.checkpoints.copies import in_memory
from induction_kernels.checkpoints.hooks import is_hooked
from induction_kernels.checkpoints.integrity import check_numbers
from induction_kernels.checkpoints.place import Place
from induction_kernels.checkpoints.source import BareSource, InTwoSteps, Remote, Source
from induction_kernels.checkpoints.structure import structure_of
from induction_kernels.checkpoints.weights import buffers_of, equal, fitted, swap
from induction_kernels.errors import CheckpointError
from induction_kernels.models.known import remember


@dataclass
class Residence:
    """Where a resident model's weights come from. Not the series itself, which holds the model:
    the model could then never be freed.

    Attributes:
        indices: of the series; None of one that is the whole source.
        loaded: what was copied last, by its place in the source; None before the first and while
            one is copied.
        dtype, structure, buffers: as the source built them, in its place.
    """

    source: Source
    indices: list[int] | None
    place: Place
    loaded: int | None = None
    dtype: torch.dtype | None = None
    structure: Hashable = None
    buffers: dict[str, Tensor] = field(default_factory=dict)

    def holds(self, module: nn.Module) -> bool:
        """Whether a model that this was the residence of is still what was loaded: of its weights
        only the numbers can tell, so that the checkpoint is read again."""
        if self.loaded is None or is_hooked(module):
            return False
        if next(module.parameters()).dtype != self.dtype or structure_of(module) != self.structure:
            return False
        name = self.source.name
        try:
            held = _read(self.source, self.loaded, name)
            weights = _renamed(self.source, self.loaded, held, name)
            pairs = fitted(module, weights or {}, self.buffers, name)
        except CheckpointError:
            return False
        return equal(pairs)


# So that an explorer given a model finds its series.
_residences: weakref.WeakKeyDictionary[nn.Module, Residence] = weakref.WeakKeyDictionary()


def residence_of(module: nn.Module) -> Residence | None:
    """Of a model that a series loaded something into, whatever it holds now."""
    return _residences.get(module)


class Resident:
    """Built when the first checkpoint is loaded; the next ones swap its weights in place.

    Attributes:
        private, passing, bare: as in `CheckpointSeries.replica`.
    """

    def __init__(self, residence: Residence, *, private: bool, passing: bool, bare: bool) -> None:
        self.residence = residence
        self._private, self._passing, self._bare = private, passing, bare
        self._module: nn.Module | None = None
        self._ahead = ReadAhead()

    def load(self, index: int, where: str) -> nn.Module:
        """The model with the weights of a checkpoint.

        Args:
            index: its place in the source.
            where: which checkpoint this is, for the error.

        Raises:
            CheckpointError: weights that are damaged, hold NaN or do not fit. The model then still
                holds what it held before.
        """
        residence = self.residence
        if self._module is not None and index == residence.loaded and self._private:
            return self._module
        held = self._ahead.take(index, self._reader(index, where))
        weights = _renamed(residence.source, index, held, where)
        module = self._module = self._module or self._built()
        if weights is not None:
            pairs = fitted(module, weights, residence.buffers, where)
            residence.loaded = None
            _residences[module] = residence
            swap(module, pairs, where)
        residence.loaded = index
        return module

    def start(self, index: int, where: str) -> None:
        """Read a checkpoint meanwhile: it is loaded next."""
        self._ahead.start(index, self._reader(index, where))

    def stop(self) -> None:
        """What was to be loaded next will not be, and its download ends in the middle."""
        self._ahead.stop()

    def _built(self) -> nn.Module:
        residence = self.residence
        source = residence.source
        with in_memory(source.name):
            if self._private and self._bare and isinstance(source, BareSource):
                made = source.build_bare()
            else:
                made = source.build()
            module = residence.place.hold(made)
        remember(module, source.tokenizer, source.name)
        residence.buffers = buffers_of(module)
        residence.dtype = next(module.parameters()).dtype
        residence.structure = structure_of(module)
        return module

    def _reader(self, index: int, where: str) -> Callable[[], Weights]:
        """Holds the source alone, so that a thread which is not done with it does not keep the
        model."""
        return partial(_read, self.residence.source, index, where, passing=self._passing)


def _read(source: Source, index: int, where: str, *, passing: bool = False) -> Weights:
    with source.passing(index) if passing and isinstance(source, Remote) else nullcontext():
        if isinstance(source, InTwoSteps):
            return source.read(index)
        weights = source.weights(index)
    if weights is not None:
        check_numbers(weights, where)
    return weights


def _renamed(source: Source, index: int, held: Weights, where: str) -> Weights:
    """What was read, as the weights of a checkpoint."""
    if held is None or not isinstance(source, InTwoSteps):
        return held
    weights: Mapping[str, Tensor] = source.renamed(index, held)
    check_numbers(weights, where)
    return weights
