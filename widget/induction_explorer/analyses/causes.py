"""What is computed of a checkpoint only when someone asks: ablations, and what feeds a head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from induction_kernels.attention.patterns import Head
from induction_kernels.causes.ablation import (
    CONTROLS,
    ROWS,
    Ablator,
    Kind,
    ablate_each_with,
    ablate_with,
)
from induction_kernels.causes.intervene import check_heads
from induction_kernels.causes.wiring import wire
from induction_kernels.errors import InductionError
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.inputs.texts import LONGEST, TextProbe
from induction_kernels.models.model import Model

from induction_explorer.analyses.subjects import Part, Subject
from induction_explorer.series.session import MEASURE_PASSES, PromptRun, SeriesSession

#: Sets of random heads on a model for which every forward pass counts.
_FEW_CONTROLS = 5

Arrays = Mapping[str, np.ndarray | float]


@dataclass(frozen=True)
class Analysis:
    """Arrays of every checkpoint that someone asked for; kept by the session."""

    session: SeriesSession
    ahead: ClassVar[bool] = False

    @property
    def _found(self) -> dict[int, Arrays]:
        return self.session.found(self)[0]

    @property
    def faults(self) -> Mapping[int, str]:
        return self.session.faults | self.session.found(self)[1]

    def is_current(self) -> bool:
        return True

    def has(self, checkpoint: int) -> bool:
        return checkpoint in self._found

    def forget_fault(self, checkpoint: int) -> bool:
        return self.session.found(self)[1].pop(checkpoint, None) is not None

    def compute(self, checkpoint: int, wanted: Sequence[Subject]) -> None:
        if self.has(checkpoint) or checkpoint in self.faults:
            return
        found, faults = self.session.found(self)
        try:
            found[checkpoint] = self.arrays(self.session.series.model(checkpoint))
        except Exception as error:  # whatever it is, the reader is told
            known = isinstance(error, InductionError)
            faults[checkpoint] = str(error) if known else f"{type(error).__name__}: {error}"

    def arrays(self, model: Model) -> Arrays:
        """What one checkpoint's reply holds."""
        raise NotImplementedError

    def part(self, checkpoints: list[int]) -> Part:
        found = [self._found[i] for i in checkpoints]
        stacked = {
            name: np.stack([np.asarray(one[name], np.float32) for one in found])
            for name in found[0]
        }
        return {}, stacked


@dataclass(frozen=True)
class AblationOf(Analysis):
    """Heads ablated together, with random heads to compare with and the prompt's answer."""

    heads: tuple[Head, ...]
    how: Kind
    keep_patterns: bool
    run: PromptRun

    def arrays(self, model: Model) -> Arrays:
        asked = None if self.run.answer is None else (self.run.ids, self.run.answer)
        found = ablate_with(
            _ablator(self.session, model, self.how, self.keep_patterns),
            model,
            check_heads(model, self.heads),
            CONTROLS if self.session.light else _FEW_CONTROLS,
            asked,
        )
        before, after = found.answer_before, found.answer_after
        unknown = (np.nan, -1)
        return {
            "loss": found.loss,
            "loss_change": found.loss_change,
            "loss_error": found.loss_error,
            "icl": found.icl,
            "icl_change": found.icl_change,
            "icl_error": found.icl_error,
            "control_loss": found.control_loss,
            "control_icl": found.control_icl,
            "answer_before": (before or unknown)[0],
            "answer_after": (after or unknown)[0],
            "rank_before": (before or unknown)[1],
            "rank_after": (after or unknown)[1],
        }


@dataclass(frozen=True)
class AblationGrid(Analysis):
    """Every head ablated alone."""

    how: Kind

    def arrays(self, model: Model) -> Arrays:
        found = ablate_each_with(
            _ablator(self.session, model, self.how, keep_patterns=False), model
        )
        return {"icl": found.pop("in_context_learning"), **found}


@dataclass(frozen=True)
class WiringOf(Analysis):
    """What feeds one head."""

    head: Head

    def arrays(self, model: Model) -> Arrays:
        found = wire(model, self.head, RepeatedTokens.make(model))
        return {
            "composition": found.composition,
            "previous_token": found.previous_token,
            "effect": found.effect,
            "error": found.error,
            "induction": found.induction,
        }


def _ablator(session: SeriesSession, model: Model, how: Kind, keep_patterns: bool) -> Ablator:
    """On the reader's text, or on the default one, in as many rows as keep nobody waiting.

    Raises:
        InductionError: not even four rows would be quick.
    """
    length = min(LONGEST, model.n_ctx)
    rows = int(min(ROWS, MEASURE_PASSES // (session.parameters * length)))
    if rows < 4:
        raise InductionError(
            f"{model.name} is too large to ablate heads while you look.",
            "induction_kernels.ablate(model, heads) does it while you wait.",
        )
    given = session.given_text
    text = TextProbe.default(model, rows) if given is None else given.first(rows)
    return Ablator(model, text, kind=how, frozen=keep_patterns)
