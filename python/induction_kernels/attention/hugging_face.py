"""The attention of Hugging Face models.

By Transformers' attention interface, where what a model hands over gives its own logits; by its own
eager attention where it does not, which gives patterns and no scores. The attention implementation
is put back in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeVar

from jaxtyping import Int
from torch import Tensor

from induction_kernels.attention.agreement import agreement_of, require_agreement
from induction_kernels.attention.interface import Attend, attending
from induction_kernels.attention.own import run_own
from induction_kernels.attention.trunk import Trunk
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.attention.way import Fused, Visitor
from induction_kernels.attention.written_out import showing
from induction_kernels.errors import UnsupportedModelError
from induction_kernels.models.model import Model
from induction_kernels.models.outputs import (
    NotCutHereError,
    Output,
    cut_or_whole,
    run_body,
    run_hugging_face,
)

T = TypeVar("T")


class OfHuggingFace:
    def __init__(self, model: Model) -> None:
        self._module: Any = model.module
        self._model = model

    def visit(self, tokens: Tensor, visit: Visitor, scores: bool) -> Tensor:
        module, why = self._module, self.only_patterns()
        if why is not None:
            if scores:
                raise UnsupportedModelError(
                    why, "Ask for scores without _logit, which read patterns."
                )
            wrong = agreement_of(module).shown
            if wrong is not None:
                raise UnsupportedModelError(f"{wrong}.", "Its patterns cannot be trusted.")
            return run_own(module, tokens, lambda layer, pattern: visit(layer, pattern, None))

        with attending(module, showing(visit, scores)):
            logits: Tensor = module(input_ids=tokens, use_cache=False).logits
        return logits

    def fused(self) -> Fused:
        return fused_by_interface(self._module)

    def run(self, tokens: Tensor) -> Output:
        return cut_or_whole(partial(run_hugging_face, self._module, tokens))

    def only_patterns(self) -> str | None:
        try:
            with self._model.evaluating():
                require_agreement(self._module)
        except DoesNotFitError as error:
            return (
                f"{self._model.name} shows its patterns but not the scores before the softmax: "
                f"{error}."
            )
        return None

    def kinds_of_layers(self) -> list[str]:
        config = self._module.config.get_text_config()
        kinds = getattr(config, "layer_types", None) or getattr(config, "layers_block_type", None)
        return list(kinds or [])[: self._model.n_layers]

    def said_key_heads(self) -> int:
        return 0

    def has_sinks(self) -> bool:
        return agreement_of(self._module).sinks


def fused_by_interface(module: Any) -> Fused:
    """Of a Hugging Face model, in a bridge or not."""
    return Fused(partial(_run, module), partial(_run_body, module), by_residual=False)


def _run(
    module: Any, tokens: Int[Tensor, "batch pos"], attend: Attend, trunk: Trunk | None = None
) -> Output:
    return _fitting(module, partial(_run_once, module, tokens, attend, trunk))


def _run_once(
    module: Any, tokens: Int[Tensor, "batch pos"], attend: Attend, trunk: Trunk | None
) -> Output:
    beginning = nullcontext() if trunk is None else trunk.of_hugging_face(module)
    with attending(module, attend), beginning:
        return run_hugging_face(module, tokens)


def _run_body(module: Any, tokens: Int[Tensor, "batch pos"], attend: Attend) -> None:
    def once() -> None:
        with attending(module, attend):
            run_body(module, tokens)

    _fitting(module, once)


def _fitting(module: Any, once: Callable[[], T]) -> T:
    require_agreement(module)
    try:
        return cut_or_whole(once)
    except NotCutHereError as error:  # whole, too
        raise DoesNotFitError(str(error)) from error
