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

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.agreement import require_agreement
from induction_kernels.attention.interface import Attend, attending
from induction_kernels.attention.kernels import Softmax, attention
from induction_kernels.attention.layer_attention import LayerAttention
from induction_kernels.attention.native import run_native
from induction_kernels.attention.readout import Reading
from induction_kernels.attention.stack import Pile
from induction_kernels.attention.trunk import Trunk
from induction_kernels.attention.unbridged import unbridged
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.models.model import Model
from induction_kernels.models.outputs import NotCutHereError, Output, cut_or_whole, run_hugging_face

Reader = Callable[[LayerAttention], None]


def run_fused(model: Model, tokens: Int[Tensor, "batch pos"], read: Reader) -> Output:
    """Run the model with fused attention and show each layer's to `read`.

    Raises:
        DoesNotFitError: folded weights, active hooks, or attention that is not on Transformers'
            interface, or more than it hands over there.
    """

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> Tensor:
        out, lse = attention(q, k, v, softmax)
        read(LayerAttention(layer, q, k, lse, softmax))
        return out

    run = runner(model)
    with model.evaluating():
        return run(tokens.to(model.device), attend)


def read_fused(
    model: Model, tokens: Int[Tensor, "batch pos"], readings: dict[str, Reading]
) -> dict[str, Float[Tensor, "layer head"]]:
    """The mean of each reading's cells for every head, float32 on the CPU.

    Raises:
        DoesNotFitError: as `run_fused`.
    """
    pile = Pile(model, readings)
    run_fused(model, tokens, pile.add)
    return pile.read()


def fused_module(model: Model) -> Any:
    """The module that runs with fused attention: TransformerLens' NativeModel, or a Hugging Face
    model.

    Raises:
        DoesNotFitError: folded weights, active hooks, or a HookedTransformer.
    """
    module: Any = model.module
    if model.kind == "hugging_face":
        return module
    original = getattr(module, "original_model", None)
    if original is None:
        raise DoesNotFitError("a HookedTransformer computes its attention itself")
    if model.weights == "folded":
        raise DoesNotFitError("compatibility mode changed the weights")
    if any(point.fwd_hooks for point in module.hook_dict.values()):
        raise DoesNotFitError("the bridge has hooks, which only its own forward pass runs")
    return original if is_native(original) else unbridged(original)


def is_native(module: Any) -> bool:
    return type(module).__name__ == "NativeModel"


def runner(model: Model) -> Callable[..., Output]:
    """How to run this model with attention done by whoever asks: called with tokens, `Attend`, and
    a `Trunk` where only some layers are to run.

    Raises:
        DoesNotFitError: as `fused_module`; when it is run, also attention that is not on
            Transformers' interface, or more than it hands over there.
    """
    module = fused_module(model)
    return partial(run_native if is_native(module) else _run_hugging_face, module)


# --- Transformers' attention interface ------------------------------------------------------------


def _run_hugging_face(
    module: Any, tokens: Tensor, attend: Attend, trunk: Trunk | None = None
) -> Output:
    require_agreement(module)

    def once() -> Output:
        beginning = nullcontext() if trunk is None else trunk.of_hugging_face(module)
        with attending(module, attend), beginning:
            return run_hugging_face(module, tokens)

    try:
        return cut_or_whole(once)
    except NotCutHereError as error:  # whole, too
        raise DoesNotFitError(str(error)) from error
