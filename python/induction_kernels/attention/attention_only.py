"""The attention of our own attention-only models."""

from __future__ import annotations

from torch import Tensor

from induction_kernels.attention.kernels import attend_plainly
from induction_kernels.attention.native import fused_native, run_native
from induction_kernels.attention.way import Fused, Visitor
from induction_kernels.attention.written_out import showing
from induction_kernels.models.model import Model
from induction_kernels.models.outputs import Output


class OfAttentionOnly:
    def __init__(self, model: Model) -> None:
        self._model = model

    def visit(self, tokens: Tensor, visit: Visitor, scores: bool) -> Tensor:
        return run_native(self._model.module, tokens, showing(visit, scores)).logits()

    def fused(self) -> Fused:
        return fused_native(self._model.module)

    def run(self, tokens: Tensor) -> Output:
        return run_native(self._model.module, tokens, attend_plainly)

    def only_patterns(self) -> None:
        return None

    def kinds_of_layers(self) -> list[str]:
        return ["full_attention"] * self._model.n_layers

    def said_key_heads(self) -> int:
        return self._model.n_heads

    def has_sinks(self) -> bool:
        return False
