"""How logits are read off what is added to the residual stream: the last norm and W_U."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.errors import UnsupportedModelError
from induction_kernels.models.bridges import bare
from induction_kernels.models.model import Model
from induction_kernels.scores.of_outputs.stream import End
from induction_kernels.scores.of_weights.norm import Norm, norm_of
from induction_kernels.scores.of_weights.parts import Parts, parts_of
from induction_kernels.scores.of_weights.trial import Trial, trial_of

#: Rows of the vocabulary at a time.
_CHUNK = 8192


@dataclass(frozen=True, eq=False)
class Attributable:
    """A model whose logits are sums of what its parts write.

    Attributes:
        norm: the last one.
        trial: what it was seen to do.
    """

    parts: Parts
    norm: Norm
    trial: Trial

    @classmethod
    def of(cls, model: Model) -> Attributable:
        """The model, once it was seen to be one.

        Raises:
            UnsupportedModelError: a model that is not.
        """
        parts = parts_of(model)
        trial = trial_of(model, parts)
        if trial.writes is not None:
            raise refused(model, trial.writes)
        return cls(parts, norm_of(parts.final_norm, parts.embed, model.name), trial)


def refused(model: Model, why: str) -> UnsupportedModelError:
    """A model that is not `Attributable`."""
    return UnsupportedModelError(
        f"Logits of {model.name} cannot be attributed to its heads: {why}.",
        "Attribution needs heads whose z W_O is added to the residual stream as it is, and logits "
        "that the unembedding makes of the last norm, as in GPT-2, Pythia or Llama.",
    )


class Unembedding:
    """Logits less their mean over the vocabulary, of what is added to the stream at some positions.

    What is read of it has still to be divided as the last norm did: `inverse_spread`.
    """

    def __init__(self, of: Attributable, positions: Int[Tensor, " query"]) -> None:
        self.positions = positions
        self._norm, self._columns = of.norm, of.parts.unembed
        self._mean = of.parts.unembed.mean(0, dtype=torch.float32)
        flat = torch.zeros_like(of.parts.embed[:1])
        self._norm_bias: Tensor = bare(of.parts.final_norm).forward(flat)[0].float()
        bias = of.parts.unembed_bias
        self._bias = self._mean.new_zeros(len(self._columns)) if bias is None else bias.float()

    def directions(self, ids: Int[Tensor, "*batch"] | slice) -> Float[Tensor, "*batch d_model"]:
        """What reads the logits of tokens, with the norm's gain and its centring."""
        return self._norm.fold_into(self._columns[ids].float() - self._mean)

    def chunks(self) -> Iterator[Float[Tensor, "token d_model"]]:
        """The directions of the whole vocabulary, some at a time."""
        for start in range(0, len(self._columns), _CHUNK):
            yield self.directions(slice(start, start + _CHUNK))

    def bias(self, ids: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
        """Of the last norm and of the unembedding: what nothing in the stream adds."""
        of_norm = (self._columns[ids].float() - self._mean) * self._norm_bias
        return of_norm.sum(-1) + self._bias[ids] - self._bias.mean()

    def inverse_spread(self, end: End) -> Float[Tensor, "batch query"]:
        """1 / s, the norm's own: what it made of the stream, over what it makes without dividing;
        1 where there is nothing to divide."""
        gained = self._gained(end)
        size = gained.square().sum(-1)
        made = end.normal[:, self.positions].float() - self._norm_bias
        return torch.where(size == 0, 1, (made * gained).sum(-1) / size)

    def mean_logit(self, end: End) -> Float[Tensor, "batch query"]:
        """The mean over the vocabulary."""
        made = self._gained(end) * self.inverse_spread(end)[..., None] + self._norm_bias
        return (made * self._mean).sum(-1) + self._bias.mean()

    def _gained(self, end: End) -> Float[Tensor, "batch query d_model"]:
        stream = end.stream[:, self.positions].float()
        if self._norm.centres:
            stream = stream - stream.mean(-1, keepdim=True)
        return stream if self._norm.gain is None else stream * self._norm.gain.float()
