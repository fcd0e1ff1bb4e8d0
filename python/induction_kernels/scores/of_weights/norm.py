"""What norms of the residual stream do, found by trying them: there are as many classes of norms as
of models, and few things that they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from induction_kernels.errors import UnsupportedModelError
from induction_kernels.models.bridges import bare
from induction_kernels.restoring import without_gradients

Kind = Literal["layer", "rms"]


@dataclass(frozen=True, eq=False)
class Norm:
    """What a norm does to the residual stream, apart from its bias.

    Attributes:
        kind: "layer" takes the mean off and divides by the spread, "rms" only divides; None for
            no norm at all.
        gain: what the result is multiplied by, in the model's dtype; None for 1.
    """

    kind: Kind | None
    gain: Float[Tensor, " d_model"] | None

    @property
    def centres(self) -> bool:
        return self.kind == "layer"

    def __call__(self, residual: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "..."]:
        """x̂, float32, without the gain, and without the ε that the model divides by; 0 of 0."""
        residual = residual.float()
        if self.kind is None:
            return residual
        if self.centres:
            residual = residual - residual.mean(-1, keepdim=True)
        spread = residual.square().mean(-1, keepdim=True).sqrt()
        return torch.where(spread == 0, 0, residual / spread)

    def fold_into(self, reading: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "..."]:
        """Weights that read what the norm gives, one a row, as weights that read x̂; float32."""
        reading = reading.float() if self.gain is None else reading.float() * self.gain.float()
        return reading - reading.mean(-1, keepdim=True) if self.centres else reading


def norm_of(module: Any, like: Float[Tensor, "*rest d_model"], model: str) -> Norm:
    """What a module does to the residual stream.

    Args:
        like: a tensor of the model's, whose width, dtype and device the stream has.
        model: its name, for the error.

    Raises:
        UnsupportedModelError: none of the things that a norm does.
    """
    module = bare(module)
    tried, given = _tried(module, like)
    if tried is not None:
        if torch.equal(given, tried):
            return Norm(None, None)
        exact = like.dtype == torch.float32
        for kind in ("layer", "rms"):
            normal = Norm(kind, None)(given)
            gain = tried[0] / normal[0]
            if _alike(gain * normal, tried, exact):
                return Norm(kind, _as_held(module, gain, exact))
    raise UnsupportedModelError(
        f"{model} normalizes with {type(module).__name__}, which is not known here.",
        "Scores of the weights know norms that divide by the spread of the residual stream.",
    )


def _tried(module: Any, like: Tensor) -> tuple[Tensor | None, Tensor]:
    """What the module makes of two streams, less what it adds to all, and the streams. They are so
    large that ε is nothing to them, and far from 0 everywhere."""
    generator = torch.Generator().manual_seed(0)
    width = like.shape[-1]
    signs = torch.randint(2, (2, width), generator=generator) * 2 - 1
    given = (signs * (8 + 8 * torch.rand(2, width, generator=generator))).to(like)
    try:
        with without_gradients():
            tried = (module.forward(given) - module.forward(-given)) / 2
    except (TypeError, RuntimeError):  # it takes something else
        return None, given.float()
    return tried.float(), given.float()


def _as_held(module: Any, gain: Tensor, exact: bool) -> Tensor | None:
    """The gain as the module holds it, which rounding has left alone."""
    weight = getattr(module, "weight", None)
    if isinstance(weight, Tensor) and weight.shape == gain.shape:
        for held in (weight, 1 + weight.float()):
            if _alike(held.float(), gain, exact):
                return held
    return None if _alike(torch.ones_like(gain), gain, exact) else gain


def _alike(found: Tensor, expected: Tensor, exact: bool) -> bool:
    off = (found - expected).abs().max()
    return bool(off <= (1e-4 if exact else 3e-2) * expected.abs().max())
