"""Scores of what heads do as data, and reading them. The arithmetic is in `estimate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.models.model import Model
from induction_kernels.scores.of_causes.estimate import estimate
from induction_kernels.scores.of_causes.metrics import Metric, second_copy_loss
from induction_kernels.scores.on_repeats import RepeatsReader, RepeatsScore


@dataclass(frozen=True, kw_only=True)
class CauseScore(RepeatsScore):
    """An estimate of what taking a head away changes, on repeated tokens.

    Attributes:
        metric: what is changed, of a probe.
    """

    metric: Callable[[RepeatedTokens], Metric]
    units: str = "nats"
    by_name_only: bool = True

    @property
    def group(self) -> str:
        return "What heads do, estimated, on repeated tokens"

    def left_out(self, model: Model, text_given: bool) -> str | None:
        return None


_PATCHING_ESTIMATE = CauseScore(
    name="patching_estimate",
    title="Estimated ablation effect",
    formula="−Σ over positions of z · ∂L/∂z, mean over rows; L the loss on the second copy but for "
    "its first token, z what the head gives before W_O",
    meaning="How far the loss on the second copy would rise without the head, estimated by "
    "attribution patching: no head was ablated. Right for small changes only: it misses heads that "
    "feed a saturated softmax, and is near 0 where the loss is. Ablate those that matter.",
    source="Nanda 2023; Syed et al. 2023; Kramár et al. 2024",
    metric=second_copy_loss,
)

#: In the order a reader meets them.
CAUSE_SCORES = (_PATCHING_ESTIMATE,)


class CauseReader(RepeatsReader[CauseScore]):
    """Scores of causes: a pass forwards and one backwards each."""

    def by_steps(self, model: Model) -> Iterator[dict[str, Float[Tensor, "layer head"]]]:
        """One float32 [layer, head] on the CPU a score, by name, score by score.

        Raises:
            UnsupportedModelError: a model that does not hand over what its heads give.
        """
        for score, probe in self._probes.items():
            found = estimate(model, probe.tokens, score.metric(probe))
            yield {score.name: found.change.float()}
