"""The cells that scores read, without ever forming a pattern.

Fused attention computes the log-sum-exp of every row of S on its way. With it, any single cell of
the pattern is A[q, k] = exp(S[q, k] - lse[q]), and S[q, k] is one dot product. So a score costs a
few dot products beside the model's own fused forward pass, and memory linear in the length. In
float32 it is the hooked value within 1e-5; in bfloat16 scores between 0 and 1 are within 0.03 of
float32 (tests/kernels/test_architectures.py).

Three kinds of models run here: Hugging Face models on Transformers' attention interface, or put on
it for a pass, TransformerLens' native models, and TransformerBridges over Hugging Face models, for
which the native module is rebuilt over the same storage. Whatever does not fit raises
DoesNotFitError, and the caller takes the hooked path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.interface import Attend
from induction_kernels.attention.kernels import Softmax, attention
from induction_kernels.attention.layer_attention import LayerAttention, Weigh
from induction_kernels.attention.reach import way_to
from induction_kernels.attention.readout import Reading
from induction_kernels.attention.stack import Pile
from induction_kernels.models.model import Model
from induction_kernels.models.outputs import Output

Reader = Callable[[LayerAttention], None]

_UNWEIGHED: Mapping[str, Weigh] = MappingProxyType({})


def attend_fused(
    model: Model,
    tokens: Int[Tensor, "batch pos"],
    read: Reader,
    weigh: Mapping[str, Weigh] = _UNWEIGHED,
) -> None:
    """`run_fused` for whoever wants nothing of its output.

    Raises:
        DoesNotFitError: as `run_fused`.
    """
    if weigh:  # the last layer's values, which a body leaves out
        run_fused(model, tokens, read, weigh)
        return
    fused = way_to(model).fused()
    with model.evaluating():
        fused.body(tokens.to(model.device), _showing(read, weigh))


def run_fused(
    model: Model,
    tokens: Int[Tensor, "batch pos"],
    read: Reader,
    weigh: Mapping[str, Weigh] = _UNWEIGHED,
) -> Output:
    """Run the model with fused attention and show each layer's, weighed, to `read`.

    Raises:
        DoesNotFitError: folded weights, active hooks, or attention that is not on Transformers'
            interface, or more than it hands over there.
    """
    fused = way_to(model).fused()
    with model.evaluating():
        return fused.run(tokens.to(model.device), _showing(read, weigh), None)


def _showing(read: Reader, weigh: Mapping[str, Weigh]) -> Attend:
    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> Tensor:
        out, lse = attention(q, k, v, softmax)
        weights = {name: of_values(layer, v) for name, of_values in weigh.items()}
        read(LayerAttention(layer, q, k, lse, softmax, weights))
        return out

    return attend


def read_fused(
    model: Model,
    tokens: Int[Tensor, "batch pos"],
    readings: dict[str, Reading],
    weigh: Mapping[str, Weigh] = _UNWEIGHED,
) -> dict[str, Float[Tensor, "layer head"]]:
    """The mean of each reading's cells for every head, float32 on the CPU.

    Raises:
        DoesNotFitError: as `run_fused`.
    """
    pile = Pile(model, readings)
    attend_fused(model, tokens, pile.add, weigh)
    return pile.read()
