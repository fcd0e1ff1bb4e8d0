"""State dicts in memory, and a lone model as a series of one."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from induction_kernels.checkpoints.series import Checkpoint
from induction_kernels.errors import CheckpointError
from induction_kernels.models import Model, as_model


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
        self._state_dicts = list(state_dicts)
        self.name = name or view.name
        self.tokenizer = view.tokenizer
        self.checkpoints: Sequence[Checkpoint] = label(len(self._state_dicts), steps, tokens)

    def build(self) -> nn.Module:
        return copy.deepcopy(self._module)

    def weights(self, index: int) -> Mapping[str, Tensor]:
        return self._state_dicts[index]


class SingleSource:
    """A model that is its own only checkpoint; no weight is copied and nothing is loaded."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.name = model.name
        self.tokenizer = model.tokenizer
        self.checkpoints: Sequence[Checkpoint] = [Checkpoint(step=0)]

    def build(self) -> nn.Module:
        return _shell(self._model.module)

    def weights(self, index: int) -> None:
        return None


def _shell(module: nn.Module) -> nn.Module:
    """A copy of everything but the weights, which are the very same tensors.

    Hooks, training flags and the attention implementation are the copy's own, so reading it on
    another thread does not disturb a model that its owner is using at the same time.
    """
    tensors = [
        *module.parameters(),
        *module.buffers(),
        # Views that are registered nowhere, such as the q of a bridge's joint qkv.
        *module.state_dict(keep_vars=True).values(),
    ]
    return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})


def label(
    count: int, steps: Iterable[int] | None, tokens: Iterable[int] | None
) -> list[Checkpoint]:
    """Checkpoints with these steps and tokens.

    Raises:
        CheckpointError: their number differs from `count`, or the steps do not rise.
    """
    steps = list(range(count)) if steps is None else [int(s) for s in steps]
    seen: list[int | None] = [None] * count if tokens is None else [int(t) for t in tokens]
    for what, values in (("steps", steps), ("tokens", seen)):
        if len(values) != count:
            raise CheckpointError(
                f"{len(values)} {what} were given for {count} checkpoints.", "Give one each."
            )
    if any(later <= earlier for earlier, later in pairwise(steps)):
        raise CheckpointError(
            f"The steps {steps} do not rise.", "Give checkpoints in training order, each once."
        )
    return [Checkpoint(step, t) for step, t in zip(steps, seen, strict=True)]
