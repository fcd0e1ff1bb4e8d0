"""nanochat's own checkpoints on a hub, in the folders that it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from torch import Tensor, nn

from induction_kernels.checkpoints.hub.hub import Hub
from induction_kernels.checkpoints.hub.line import Line
from induction_kernels.checkpoints.hub.published import PublishedFiles
from induction_kernels.checkpoints.nanochat import built, meta_of, model_of, rate_of, renamed
from induction_kernels.errors import CheckpointError


class PublishedNanochat(PublishedFiles):
    """Files `base_checkpoints/d<depth>/model_<step>.pt` of one repository, beside which others say
    what model it is and how many tokens a step adds."""

    def __init__(
        self, hub: Hub, line: Line, commits: Mapping[tuple[str, str], str], tokenizer: Any | None
    ) -> None:
        super().__init__(hub, line, commits, tokenizer)
        if all(one.tokens is None for one in self.checkpoints):
            try:
                rate = rate_of(self.fetch(-1, self._meta(-1)))
            except CheckpointError:  # said when it is loaded
                rate = None
            self.checkpoints = [
                replace(one, tokens=None if rate is None else one.step * rate)
                for one in self.checkpoints
            ]

    def build(self) -> nn.Module:
        return built(self._said(-1), self._meta(-1))

    def read(self, index: int) -> Mapping[str, Tensor]:
        if self._said(index) != self._said(-1):
            raise CheckpointError(
                f"{self._meta(index)} describes another model than {self._meta(-1)}.",
                "Give steps=... without it.",
            )
        return super().read(index)

    def renamed(self, index: int, held: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return renamed(held)

    def _said(self, index: int) -> dict[str, Any]:
        return model_of(self.fetch(index, self._meta(index)))

    def _meta(self, index: int) -> str:
        return str(meta_of(PurePosixPath(self.line.points[index].path)))
