"""Numbers that heads change: the loss on a second copy, an answer's logit, or the reader's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from induction_kernels.errors import InductionError, SelectionError
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.models.outputs import Output

#: A reader's own: logits [1, pos, d_vocab] and tokens [1, pos] of one row to one number.
MetricFunction = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Metric:
    """A number of one row of tokens; of several rows it is their mean.

    Attributes:
        title: in words, as in "change of the loss on the second copy".
        units: of the number; "1" where nothing is known of them.
        of_row: the end of a pass of one row, and its tokens [1, pos], to a tensor of no dimension.
    """

    name: str
    title: str
    units: str
    of_row: Callable[[Output, Int[Tensor, "1 pos"]], Float[Tensor, ""]]


def second_copy_loss(probe: RepeatedTokens) -> Metric:
    """Its first token is left out: nothing tells that it is to come."""
    start = probe.lead + probe.period
    predicting = slice(start, start + probe.period - 1)

    def loss(output: Output, tokens: Int[Tensor, "1 pos"]) -> Float[Tensor, ""]:
        logits = _wide(output.unembed(output.hidden[0, predicting]))
        return nn.functional.cross_entropy(logits, tokens[0, 1:][predicting])

    return Metric("second_copy_loss", "the loss on the second copy", "nats", loss)


def answer_logit(answer: int) -> Metric:
    """Of one token after the last position."""

    def logit(output: Output, _tokens: Int[Tensor, "1 pos"]) -> Float[Tensor, ""]:
        found: Tensor = _wide(output.unembed(output.hidden[0, -1]))[answer]
        return found

    return Metric("answer_logit", "the answer's logit", "logits", logit)


def metric_of(function: MetricFunction) -> Metric:
    """The reader's function, whose numbers are looked at each time."""
    name = getattr(function, "__name__", type(function).__name__)

    def number(output: Output, tokens: Int[Tensor, "1 pos"]) -> Float[Tensor, ""]:
        found = function(_wide(output.unembed(output.hidden)), tokens)
        _check(name, found)
        return found

    return Metric(name, f"the metric {name}", "1", number)


def _check(name: str, found: object) -> None:
    """Raises: SelectionError, InductionError: as `attribution_patching` says."""
    give = "Give a function of logits [1, pos, d_vocab] and tokens [1, pos] that returns one number"
    if not isinstance(found, Tensor) or found.ndim:
        what = f"a tensor of shape {tuple(found.shape)}" if isinstance(found, Tensor) else found
        raise SelectionError(
            f"The metric {name} gave {what!s:.80}.",
            f"{give} as a tensor of no dimension: logits[0, -1, 7], or a .mean().",
        )
    if not found.is_floating_point() or (torch.is_grad_enabled() and not found.requires_grad):
        raise SelectionError(
            f"The number of the metric {name} cannot be differentiated.",
            f"{give} computed from the logits by PyTorch, without .item(), .detach(), argmax or "
            "NumPy.",
        )
    if not bool(found.isfinite()):
        raise InductionError(
            f"The metric {name} is {float(found.detach())}.",
            "A metric must be finite: keep it from 0 / 0 and from log 0, and load intact weights.",
        )


def _wide(logits: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """In float32 at the least."""
    return logits if logits.dtype == torch.float64 else logits.float()
