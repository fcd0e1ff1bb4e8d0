"""State dicts in memory, and a lone model as a series of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from induction_kernels.attention.door import as_model
from induction_kernels.checkpoints.copies import copied, in_memory
from induction_kernels.checkpoints.fingerprints import of_tensors
from induction_kernels.checkpoints.source import Checkpoint
from induction_kernels.checkpoints.transformer_lens import by_the_models_names
from induction_kernels.errors import CheckpointError
from induction_kernels.models.model import Model
from induction_kernels.whole_numbers import whole_number


class MemorySource:
    """State dicts that the caller holds, and a model to copy their architecture from."""

    def __init__(
        self,
        model: Any,
        state_dicts: Iterable[Mapping[str, Tensor]],
        steps: Iterable[int] | None,
        tokens: Iterable[int] | None,
        tokenizer: Any | None,
        name: str | None,
    ) -> None:
        view = as_model(model, tokenizer)
        self._module = view.module
        self._state_dicts = _own(_several(state_dicts), view.module)
        self.name = name or view.name
        self.tokenizer = view.tokenizer
        self.checkpoints: Sequence[Checkpoint] = label(len(self._state_dicts), steps, tokens)

    def build(self) -> nn.Module:
        return copied(self._module)

    def weights(self, index: int) -> Mapping[str, Tensor]:
        return by_the_models_names(self._state_dicts[index], self._module, f"State dict {index}")

    def fingerprint(self, index: int) -> int:
        return of_tensors(self._state_dicts[index])


class SingleSource:
    """A copy of a model as its own only checkpoint: what is shown of it is of one moment, and its
    owner may use, train or move it at the same time."""

    def __init__(self, model: Model, name: str) -> None:
        with in_memory(name):
            self._module = copied(model.module)
        self.name = name
        self.tokenizer = model.tokenizer
        self.checkpoints: Sequence[Checkpoint] = [Checkpoint(step=0)]

    def build(self) -> nn.Module:
        """A module on the very weights of the copy, which are not there twice."""
        tensors = [
            *self._module.parameters(),
            *self._module.buffers(),
            # Views that are registered nowhere, such as the q of a bridge's joint qkv.
            *self._module.state_dict(keep_vars=True).values(),
        ]
        return copied(self._module, {id(tensor): _alias(tensor) for tensor in tensors})

    def weights(self, index: int) -> None:
        return None

    def fingerprint(self, index: int) -> int:
        return of_tensors(self._module.state_dict())


def _alias(tensor: Tensor) -> Tensor:
    """The same storage under another object, which may be moved elsewhere."""
    same = tensor.detach()
    return nn.Parameter(same, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else same


def _several(state_dicts: Any) -> list[Mapping[str, Tensor]]:
    """The state dicts as a list.

    Raises:
        CheckpointError: one by itself, or something else among them.
    """
    how = "Give a list with one model.state_dict() a checkpoint."
    if isinstance(state_dicts, Mapping) or not isinstance(state_dicts, Iterable):
        what = "one state dict" if isinstance(state_dicts, Mapping) else f"{state_dicts!r:.40}"
        raise CheckpointError(f"{what} was given instead of a list of them.", how)
    given = list(state_dicts)
    for index, weights in enumerate(given):
        if not isinstance(weights, Mapping):
            raise CheckpointError(
                f"State dict {index} is a {type(weights).__name__}, not names with tensors.", how
            )
    return given


def _own(state_dicts: list[Mapping[str, Tensor]], module: nn.Module) -> list[Mapping[str, Tensor]]:
    """State dicts none of whose tensors is one of `module`'s, which may be trained on.

    Raises:
        CheckpointError: two of them are the same tensors.
    """
    places = [{n: _place(t) for n, t in weights.items()} for weights in state_dicts]
    for later, (before, after) in enumerate(pairwise(places), 1):
        if before and before == after:
            raise CheckpointError(
                f"State dicts {later - 1} and {later} are the same tensors.",
                "model.state_dict() gives the weights themselves, which training goes on to "
                "change; collect {k: v.clone() for k, v in model.state_dict().items()}.",
            )
    live = {_place(tensor) for tensor in module.state_dict().values()}
    return [
        {n: t.clone() if where[n] in live else t for n, t in weights.items()}
        for weights, where in zip(state_dicts, places, strict=True)
    ]


def _place(tensor: object) -> int | None:
    """Where a tensor's numbers are; None for what has none, which is refused when it is loaded."""
    if not isinstance(tensor, Tensor) or tensor.is_meta or tensor.layout is not torch.strided:
        return None
    return tensor.data_ptr() or None


def label(
    count: int, steps: Iterable[int] | None, tokens: Iterable[int] | None
) -> list[Checkpoint]:
    """Checkpoints with these steps and tokens.

    Raises:
        CheckpointError: their number differs from `count`, or they are not whole numbers that rise.
    """
    at = list(range(count)) if steps is None else _rising("steps", steps, count)
    seen = [None] * count if tokens is None else _rising("tokens", tokens, count)
    return [Checkpoint(step, t) for step, t in zip(at, seen, strict=True)]


def _rising(what: str, given: Iterable[int], count: int) -> list[int]:
    values = []
    for value in given:
        number = whole_number(value, 0)
        if number is None:
            raise CheckpointError(
                f"The {what} hold {value!r}.", "Give whole numbers from 0, for every checkpoint."
            )
        values.append(number)
    if len(values) != count:
        raise CheckpointError(
            f"{len(values)} {what} were given for {count} checkpoints.", "Give one each."
        )
    if any(later <= earlier for earlier, later in pairwise(values)):
        raise CheckpointError(
            f"The {what} {values} do not rise.", "Give checkpoints in training order, each once."
        )
    return values
