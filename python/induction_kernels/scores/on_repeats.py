"""Scores that are read on repeated tokens by passes of their own: their probes, and what is said of
them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.models.model import Model
from induction_kernels.scores.of_attention import On, probe_in_words
from induction_kernels.scores.score import Facts, Range, Score


@dataclass(frozen=True, kw_only=True)
class RepeatsScore(Score):
    """Attributes:
    copies, period: of the probe.
    """

    copies: int = 2
    period: int = 50
    range: Range = (None, None)

    @property
    def on(self) -> On:
        return On(self.copies, self.period)


S = TypeVar("S", bound=RepeatsScore)


class RepeatsReader(Generic[S]):
    """Scores bound to their probes."""

    def __init__(
        self, model: Model, scores: Iterable[S], given: RepeatedTokens | None, seed: int
    ) -> None:
        self._probes: dict[S, RepeatedTokens] = {}
        for score in scores:
            probe = score.on.make(model, given, seed)
            assert isinstance(probe, RepeatedTokens)
            self._probes[score] = probe

    def facts(self, score: S) -> Facts:
        probe = self._probes[score]
        return Facts(score.range, 0.0, probe_in_words(probe), probe.provenance())
