"""The numbers: attention patterns, head scores and losses of causal transformers.

Nothing here knows of a screen; `induction_explorer` shows what this package computes.

A name is imported when it is first used: who reads what was computed before needs no PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from induction_kernels.attention.door import as_model
    from induction_kernels.attention.patterns import attention_patterns
    from induction_kernels.causes.ablation import ablate, ablate_each, ablations
    from induction_kernels.causes.patching import attribution_patching, compare_patching
    from induction_kernels.causes.wiring import wiring
    from induction_kernels.changes.series import phase_changes
    from induction_kernels.changes.step import find_change, find_changes
    from induction_kernels.checkpoints import CheckpointSeries
    from induction_kernels.demo import load_demo
    from induction_kernels.errors import InductionError
    from induction_kernels.heads.headvis.reading import read_headvis
    from induction_kernels.heads.headvis.writing import write_headvis
    from induction_kernels.heads.pages import head_pages
    from induction_kernels.losses.components import loss_pca
    from induction_kernels.losses.copyable import copyable
    from induction_kernels.losses.measure import MEASURES
    from induction_kernels.losses.measures import measures
    from induction_kernels.losses.passages import passage_losses
    from induction_kernels.losses.predictions import top_predictions
    from induction_kernels.losses.tokens import in_context_learning, token_losses
    from induction_kernels.models.model import Model
    from induction_kernels.scores.classes import head_classes
    from induction_kernels.scores.effective_rank import effective_ranks
    from induction_kernels.scores.of_outputs.direct import direct_logit_attribution
    from induction_kernels.scores.of_outputs.head_tokens import head_tokens
    from induction_kernels.scores.own.cells import attention_score
    from induction_kernels.scores.own.files import scores_from_csv, scores_from_headvis
    from induction_kernels.scores.own.functions import function_score
    from induction_kernels.scores.registry import SCORES, head_scores
    from induction_kernels.scores.selectivity import selectivities
    from induction_kernels.scores.weighing import value_weighted_patterns
    from induction_kernels.sweeps.recorder import Recorder
    from induction_kernels.sweeps.run import sweep

_FROM = {
    "CheckpointSeries": "checkpoints",
    "InductionError": "errors",
    "MEASURES": "losses.measure",
    "Model": "models.model",
    "Recorder": "sweeps.recorder",
    "SCORES": "scores.registry",
    "ablate": "causes.ablation",
    "ablate_each": "causes.ablation",
    "ablations": "causes.ablation",
    "as_model": "attention.door",
    "attention_patterns": "attention.patterns",
    "attention_score": "scores.own.cells",
    "attribution_patching": "causes.patching",
    "compare_patching": "causes.patching",
    "copyable": "losses.copyable",
    "direct_logit_attribution": "scores.of_outputs.direct",
    "effective_ranks": "scores.effective_rank",
    "find_change": "changes.step",
    "find_changes": "changes.step",
    "function_score": "scores.own.functions",
    "head_classes": "scores.classes",
    "head_pages": "heads.pages",
    "head_scores": "scores.registry",
    "head_tokens": "scores.of_outputs.head_tokens",
    "in_context_learning": "losses.tokens",
    "load_demo": "demo",
    "loss_pca": "losses.components",
    "measures": "losses.measures",
    "passage_losses": "losses.passages",
    "phase_changes": "changes.series",
    "read_headvis": "heads.headvis.reading",
    "scores_from_csv": "scores.own.files",
    "scores_from_headvis": "scores.own.files",
    "selectivities": "scores.selectivity",
    "sweep": "sweeps.run",
    "token_losses": "losses.tokens",
    "top_predictions": "losses.predictions",
    "value_weighted_patterns": "scores.weighing",
    "wiring": "causes.wiring",
    "write_headvis": "heads.headvis.writing",
}

__all__ = [
    "MEASURES",
    "SCORES",
    "CheckpointSeries",
    "InductionError",
    "Model",
    "Recorder",
    "ablate",
    "ablate_each",
    "ablations",
    "as_model",
    "attention_patterns",
    "attention_score",
    "attribution_patching",
    "compare_patching",
    "copyable",
    "direct_logit_attribution",
    "effective_ranks",
    "find_change",
    "find_changes",
    "function_score",
    "head_classes",
    "head_pages",
    "head_scores",
    "head_tokens",
    "in_context_learning",
    "load_demo",
    "loss_pca",
    "measures",
    "passage_losses",
    "phase_changes",
    "read_headvis",
    "scores_from_csv",
    "scores_from_headvis",
    "selectivities",
    "sweep",
    "token_losses",
    "top_predictions",
    "value_weighted_patterns",
    "wiring",
    "write_headvis",
]


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_FROM[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
