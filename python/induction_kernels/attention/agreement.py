"""Whether attention done here gives what the model's own attention gives.

Compared in a forward pass of a few tokens when a model is first met, and again when weights change
that were all alike: what they do may not have shown. A bias that begins at zero, a scale that
begins at one, need not be so at the next checkpoint.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from induction_kernels.attention.interface import attending
from induction_kernels.attention.kernels import Softmax, attention
from induction_kernels.attention.own import run_own
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.models.outputs import NotCutHereError
from induction_kernels.restoring import without_gradients

#: The largest relative difference of a row of logits. Half precision leaves more, and of a mixture
#: of experts now and then another expert, so there it is the middle one of the rows.
_TOLERANCE, _HALF_TOLERANCE = 3e-4, 5e-2
_TOKENS = 12


@dataclass(frozen=True)
class Agreement:
    """What two ways of running a Hugging Face model have to do with the model as it is.

    Attributes:
        handed_over: why its queries and keys, as it hands them over, are not all that its attention
            depends on; None where they are.
        shown: why the patterns that it shows are not those of its forward pass; None where they
            are.
        sinks: whether learned sinks take a part of every row.
    """

    handed_over: str | None
    shown: str | None
    sinks: bool


@dataclass(eq=False)
class _Compared:
    weights: int
    alike: dict[str, float]
    agreement: Agreement


# Weak: a module that was compared can be freed.
_known: weakref.WeakKeyDictionary[nn.Module, _Compared] = weakref.WeakKeyDictionary()


def require_agreement(module: Any) -> None:
    """Refuse a module whose attention we would not compute as it does.

    Raises:
        DoesNotFitError: attention done here is not the model's own.
    """
    why = agreement_of(module).handed_over
    if why is not None:
        raise DoesNotFitError(why)


def agreement_of(module: Any) -> Agreement:
    """Compared now, unless it was and the weights have not changed in what did not show."""
    weights, known = weights_state(module), _known.get(module)
    if known is not None and known.weights != weights and _still_alike(module, known.alike):
        known.weights = weights
    if known is None or known.weights != weights:
        with without_gradients():
            known = _known[module] = _Compared(weights, _alike(module), _compare(module))
    return known.agreement


def _alike(module: nn.Module) -> dict[str, float]:
    """The weights whose elements are all one number, and that number."""
    uniform = {}
    for name, weight in module.named_parameters():
        if weight.numel() and bool((weight == (first := weight.flatten()[0])).all()):
            uniform[name] = float(first)
    return uniform


def _still_alike(module: nn.Module, alike: dict[str, float]) -> bool:
    weights = dict(module.named_parameters())
    return all(name in weights and bool((weights[name] == n).all()) for name, n in alike.items())


def _compare(module: Any) -> Agreement:
    name = type(module).__name__
    vocabulary = module.config.get_text_config().vocab_size
    tokens = torch.randint(vocabulary, (1, _TOKENS), generator=torch.Generator().manual_seed(0))
    tokens = tokens.to(next(module.parameters()).device)
    as_it_is = module(input_ids=tokens, use_cache=False).logits
    shown: set[int] = set()
    own = run_own(module, tokens, lambda layer, _: shown.add(layer))
    exact = all(w.dtype == torch.float32 for w in module.parameters() if w.is_floating_point())
    wrong = _difference(own, as_it_is, exact)
    if wrong is not None:
        wrong = f"{name} gives other logits when it is asked for its patterns, {wrong}"
    sinks = any("sink" in name.rpartition(".")[2] for name, _ in module.named_parameters())

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> Tensor:
        nonlocal sinks
        sinks |= softmax.sinks is not None
        return attention(q, k, v, softmax)[0]

    try:
        with attending(module, attend) as layers:
            ours = module(input_ids=tokens, use_cache=False).logits
    except (DoesNotFitError, NotCutHereError) as error:
        return Agreement(str(error), wrong, sinks)
    if not shown <= set(layers) or not layers:
        return Agreement(f"{name} hands over the attention of {layers} only", wrong, sinks)
    off = _difference(ours, as_it_is, exact)
    if off is not None:
        off = f"with the attention that {name} hands over its logits are others, {off}"
    return Agreement(off, wrong, sinks)


def _difference(
    found: Float[Tensor, "1 pos d_vocab"], expected: Float[Tensor, "1 pos d_vocab"], exact: bool
) -> str | None:
    """How far logits are off, if they are; what is not a number on both sides is no difference.

    `exact` says that all weights are float32: logits often are where the rest is not.
    """
    found, expected = found.float(), expected.float()
    change = (found - expected).masked_fill(~found.isfinite() & ~expected.isfinite(), 0)
    size = expected.nan_to_num().norm(dim=-1).clamp(min=1e-9)
    far = change.norm(dim=-1) / size
    worst = float(far.max() if exact else far.median())
    if worst <= (_TOLERANCE if exact else _HALF_TOLERANCE):
        return None
    return f"off by {worst:.2g} of their size"


def weights_state(module: nn.Module) -> int:
    """Changes when a tensor of the module is written to in place or replaced."""
    return state_of(
        t
        for part in module.modules()  # at once: faster than parameters() and buffers()
        for t in (*part._parameters.values(), *part._buffers.values())
        if t is not None
    )


def state_of(tensors: Iterable[Tensor]) -> int:
    """Changes when one of them is written to in place or replaced."""
    return hash(tuple((t.data_ptr(), 0 if t.is_inference() else t._version) for t in tensors))
