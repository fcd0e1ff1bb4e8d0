"""One pass forwards and one backwards: what every head gives, and how a metric depends on it.

A head's z, its pattern times its values, is caught where fused attention hands it over. Derivatives
are asked of these alone: none is left at a weight, and none of the model's flags is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.kernels import Softmax, attend_plainly
from induction_kernels.attention.reach import way_to
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.errors import InductionError, UnsupportedModelError
from induction_kernels.models.model import Model
from induction_kernels.models.outputs import Output
from induction_kernels.restoring import gradients_as_before
from induction_kernels.scores.of_causes.metrics import Metric

#: By layer, those that attend, what each head gives or the like.
OfLayers = Mapping[int, Float[Tensor, "row head pos d_head"]]


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Attributes:
    z: what heads give.
    slopes: the derivative of each row's metric by it, with all that later layers make of it.
    values: the metric of each row.
    """

    z: OfLayers
    slopes: OfLayers
    values: Float[Tensor, " row"]


def derivatives(model: Model, tokens: Int[Tensor, "row pos"], metric: Metric) -> Derivatives:
    """Of the metric of each row by what heads give in it.

    The logits of one row at a time are in memory.

    Raises:
        UnsupportedModelError: a model that does not hand over what its heads give, or whose weights
            were made in inference mode.
        InductionError: a metric or derivatives that are not finite.
    """
    _refuse_inference(model)
    z: dict[int, Tensor] = {}

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> Tensor:
        given = attend_plainly(layer, q, k, v, softmax)
        # Nothing is asked of what comes before the first of them.
        z[layer] = given if z else given.detach().requires_grad_()
        return z[layer]

    with gradients_as_before(), model.evaluating():
        torch.set_grad_enabled(mode=True)
        tokens = tokens.to(model.device, copy=True)
        try:
            output = way_to(model).fused().run(tokens, attend, None)
        except DoesNotFitError as error:
            raise UnsupportedModelError(
                f"What heads of {model.name} give cannot be caught: {error}.",
                "Pass the Hugging Face model, or a TransformerBridge without hooks that is not "
                "folded.",
            ) from error
        values, of_end = _of_end(output, tokens, metric)
        slopes = torch.autograd.grad(
            output.hidden, list(z.values()), of_end, materialize_grads=True
        )
    if not all(bool(one.isfinite().all()) for one in (values, *slopes)):
        raise InductionError(
            f"{metric.title[0].upper()}{metric.title[1:]} in {model.name} has no finite "
            "derivative.",
            "The weights or activations overflow; load intact weights or use a wider dtype.",
        )
    kept = {layer: one.detach() for layer, one in z.items()}
    return Derivatives(kept, dict(zip(z, slopes, strict=True)), values)


def _of_end(
    output: Output, tokens: Int[Tensor, "row pos"], metric: Metric
) -> tuple[Float[Tensor, " row"], Float[Tensor, "row pos d_hidden"]]:
    """The metric of each row, and its derivative by the last hidden states."""
    values: list[Tensor] = []
    slopes: list[Tensor] = []
    for row in range(len(tokens)):
        here = slice(row, row + 1)
        end = output.hidden[here].detach().requires_grad_()
        value = metric.of_row(replace(output, hidden=end), tokens[here])
        slopes += torch.autograd.grad(value, end, materialize_grads=True)
        values.append(value.detach())
    return torch.stack(values), torch.cat(slopes)


def _refuse_inference(model: Model) -> None:
    if any(weight.is_inference() for weight in model.module.parameters()):
        raise UnsupportedModelError(
            f"The weights of {model.name} were made in torch.inference_mode(), which keeps "
            "everything from being differentiated.",
            "Load the model outside of it.",
        )
