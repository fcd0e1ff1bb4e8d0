"""The numbers: attention patterns, head scores and losses of causal transformers.

Nothing here knows of a screen; `induction_explorer` shows what this package computes.
"""

from induction_kernels.attention.door import as_model
from induction_kernels.attention.patterns import attention_patterns
from induction_kernels.causes.ablation import ablate, ablate_each, ablations
from induction_kernels.causes.wiring import wiring
from induction_kernels.changes.series import phase_changes
from induction_kernels.changes.step import find_change, find_changes
from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.demo import load_demo
from induction_kernels.errors import InductionError
from induction_kernels.losses.components import loss_pca
from induction_kernels.losses.measures import MEASURES, measures
from induction_kernels.losses.passages import passage_losses
from induction_kernels.losses.predictions import top_predictions
from induction_kernels.losses.tokens import in_context_learning, token_losses
from induction_kernels.models.model import Model
from induction_kernels.scores.registry import SCORES, head_scores
from induction_kernels.sweeps.run import sweep

__all__ = [
    "MEASURES",
    "SCORES",
    "CheckpointSeries",
    "InductionError",
    "Model",
    "ablate",
    "ablate_each",
    "ablations",
    "as_model",
    "attention_patterns",
    "find_change",
    "find_changes",
    "head_scores",
    "in_context_learning",
    "load_demo",
    "loss_pca",
    "measures",
    "passage_losses",
    "phase_changes",
    "sweep",
    "token_losses",
    "top_predictions",
    "wiring",
]
