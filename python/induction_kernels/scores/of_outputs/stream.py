"""A forward pass that shows what its heads write, and the residual stream that it is added to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from induction_kernels.attention.interface import Attend
from induction_kernels.attention.kernels import Softmax, attend_plainly
from induction_kernels.attention.reach import way_to
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.errors import UnsupportedModelError
from induction_kernels.models.bridges import bare
from induction_kernels.models.model import Model
from induction_kernels.models.outputs import Output
from induction_kernels.models.transformer_lens import is_transformer_lens
from induction_kernels.restoring import remove, restoring
from induction_kernels.scores.of_weights.parts import Parts

#: Called with a layer and the stream that enters it [batch, pos, d_model].
Entering = Callable[[int, Tensor], None]
#: Called with a layer and what its heads give, z [batch, head, pos, d_head], before W_O.
Giving = Callable[[int, Tensor], None]


@dataclass(frozen=True, eq=False)
class End:
    """Where the stream ends.

    Attributes:
        stream: before the last norm.
        normal: what that makes of it.
    """

    stream: Float[Tensor, "batch pos d_model"]
    normal: Float[Tensor, "batch pos d_model"]
    output: Output


def show_stream(
    model: Model,
    parts: Parts,
    tokens: Int[Tensor, "batch pos"],
    entering: Entering,
    giving: Giving,
) -> End:
    """Run the model; each layer is entered before its heads give, and all in order.

    Raises:
        UnsupportedModelError: attention that does not hand over what heads give.
    """
    with model.evaluating():
        tokens = tokens.to(model.device)
        try:
            return _fused(model, parts, tokens, entering, giving)
        except DoesNotFitError as error:
            if not is_transformer_lens(model.module):
                raise UnsupportedModelError(
                    f"What heads of {model.name} write cannot be read: {error}.",
                    "Ask for scores of the attention.",
                ) from error
        return _hooked(model, parts, tokens, entering, giving)


def _fused(model: Model, parts: Parts, tokens: Tensor, entering: Entering, giving: Giving) -> End:
    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> Tensor:
        z = attend_plainly(layer, q, k, v, softmax)
        giving(layer, z)
        return z

    return _attended(model, parts, tokens, entering, attend)


def run_attending(
    model: Model, parts: Parts, tokens: Int[Tensor, "batch pos"], attend: Attend
) -> End:
    """Run the model with `attend` for its attention.

    Raises:
        UnsupportedModelError: attention that is not handed over.
    """
    try:
        with model.evaluating():
            return _attended(model, parts, tokens.to(model.device), lambda *_: None, attend)
    except DoesNotFitError as error:
        raise UnsupportedModelError(
            f"What heads of {model.name} see cannot be read: {error}.",
            "Pass the Hugging Face model, or a TransformerBridge without hooks that is not folded.",
        ) from error


def _attended(
    model: Model, parts: Parts, tokens: Tensor, entering: Entering, attend: Attend
) -> End:
    fused = way_to(model).fused()
    held = parts if parts.body is None else parts.body
    with _watching(map(bare, held.norms), bare(held.final_norm), entering) as ends:
        output = fused.run(tokens, attend, None)
    return End(*ends[-1], output)


def _hooked(model: Model, parts: Parts, tokens: Tensor, entering: Entering, giving: Giving) -> End:
    def hook(layer: int, z: Tensor, hook: object) -> None:
        giving(layer, z.reshape(*z.shape[:2], model.n_heads, -1).transpose(1, 2))

    hooks = [(f"blocks.{la}.attn.hook_z", partial(hook, la)) for la in range(model.n_layers)]
    module: Any = model.module
    with _watching(parts.norms, parts.final_norm, entering) as ends:
        logits = module.run_with_hooks(tokens, fwd_hooks=hooks)
    # A bridge over a Hugging Face model may return that model's output object.
    logits = logits if isinstance(logits, Tensor) else logits.logits
    cap = getattr(module.cfg, "output_logits_soft_cap", 0.0)
    return End(*ends[-1], Output(logits, lambda rows: rows, cap if cap > 0 else None))


@contextmanager
def _watching(
    norms: Any, final_norm: nn.Module, entering: Entering
) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Within this context each norm's input is shown; gives what enters and leaves the last."""
    ends: list[tuple[Tensor, Tensor]] = []
    handles: list[Any] = []

    def show(layer: int, _module: nn.Module, inputs: Any) -> None:
        entering(layer, inputs[0])

    def keep(_module: nn.Module, inputs: Any, output: Tensor) -> None:
        ends.append((inputs[0], output))

    with restoring(lambda: remove(handles)):
        for layer, norm in enumerate(norms):
            handles.append(norm.register_forward_pre_hook(partial(show, layer)))
        handles.append(final_norm.register_forward_hook(keep))
        yield ends
