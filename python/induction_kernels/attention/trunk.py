"""What enters each layer, kept by one forward pass so that later ones can begin above.

An intervention in layer 5 leaves layers 0 to 4 as they were: there is no need to run them again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor, nn

from induction_kernels.restoring import own_forwards, remove, restoring


@dataclass(eq=False)
class Trunk:
    """Attributes:
    start: the first layer to run; 0 runs all and keeps what enters each.
    entering: what the layer before gives, a tensor or more, as the model hands it on.
    """

    start: int = 0
    entering: dict[int, Any] = field(default_factory=dict)

    def above(self, layer: int) -> Trunk:
        """To begin at `layer` with what entered it; a pass of its own where that is unknown."""
        return Trunk(layer, self.entering) if layer > 0 and layer in self.entering else Trunk()

    def enter(self, layer: int, residual: Tensor) -> Tensor:
        if layer == self.start and self.start > 0:
            kept: Tensor = self.entering[layer]
            return kept
        if self.start == 0:
            self.entering[layer] = residual
        return residual

    @contextmanager
    def of_hugging_face(self, module: Any) -> Iterator[None]:
        """Within this context the module's layers below `start` do nothing."""
        layers = _layers(module)
        skipped = layers[: self.start]
        hooks: list[Any] = []
        with restoring(lambda: remove(hooks)), own_forwards(skipped):
            if self.start == 0:
                for index, layer in enumerate(layers[:-1]):
                    hooks.append(layer.register_forward_hook(partial(self._keep, index + 1)))
            for layer in skipped:
                # Whatever comes in, what enters layer `start` comes out; those between pass it on.
                layer.forward = lambda *_, **__: self.entering[self.start]
            yield

    def _keep(self, layer: int, _module: nn.Module, _inputs: Any, output: Any) -> None:
        self.entering[layer] = output


def _layers(module: Any) -> list[nn.Module]:
    """The layers of a Hugging Face model in order; none where they are not one plain list."""
    count = module.config.get_text_config().num_hidden_layers
    for child in module.base_model.children():
        if isinstance(child, nn.ModuleList) and len(child) == count:
            return list(child)
    return []
