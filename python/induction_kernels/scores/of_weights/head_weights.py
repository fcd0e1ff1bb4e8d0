"""The weights of every head, with the norms before them folded in.

A head reads the residual stream through a norm: it sees x̂ = x / rms(x), for LayerNorm after
taking the mean off, times a gain. The gain goes into the weights that read: W_Q, W_K, W_V, and
W_U for the last norm. Where the norm takes the mean off, these have none either; and where every
norm does, what is written along the mean is never read, so W_E and W_O lose theirs, too. A
constant added to all logits changes no prediction, so W_U has no mean over the vocabulary. These
are the choices of TransformerLens' compatibility mode, made on float32 copies; a model that is
folded already comes out as it is. Biases are left out: what they add does not depend on the
token.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from einops import repeat
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.errors import UnsupportedModelError
from induction_kernels.models.model import Model
from induction_kernels.scores.of_weights.norm import norm_of
from induction_kernels.scores.of_weights.parts import parts_of
from induction_kernels.scores.of_weights.trial import scale_of_embedding


@dataclass(frozen=True)
class Shape:
    """How many of everything a model has, and how wide."""

    layers: int
    heads: int
    d_model: int
    d_head: int
    d_vocab: int

    @property
    def d_heads(self) -> int:
        """Columns of W_Q of all heads of all layers, side by side."""
        return self.layers * self.heads * self.d_head


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """One layer's heads, float32: q = x̂ W_Q, and so on. Grouped keys and values are repeated."""

    W_Q: Float[Tensor, "head d_model d_head"]
    W_K: Float[Tensor, "head d_model d_head"]
    W_V: Float[Tensor, "head d_model d_head"]
    W_O: Float[Tensor, "head d_head d_model"]


class HeadWeights:
    """Folded weights of a model, one layer at a time.

    Raises:
        UnsupportedModelError: weights that are not to be found, or with which the model does
            something else than is read of them.
    """

    def __init__(self, model: Model) -> None:
        self._parts = parts_of(model)
        self._scale = scale_of_embedding(model, self._parts)
        d_vocab, d_model = self._parts.embed.shape
        d_head = self._parts.heads(0)[0].shape[-1]
        self.shape = Shape(model.n_layers, model.n_heads, d_model, d_head, d_vocab)
        #: The module before each layer's attention, whose input is the residual stream.
        self.norm_modules = self._parts.norms
        self.norms = [
            norm_of(module, self._parts.embed, model.name) for module in self._parts.norms
        ]
        self._final_norm = norm_of(self._parts.final_norm, self._parts.embed, model.name)
        self._centred = all(norm.centres for norm in [*self.norms, self._final_norm])
        #: Queries and keys are rotated by position after these weights.
        self.rotary = self._parts.rotary
        if self._parts.unembed.shape != self._parts.embed.shape:
            raise UnsupportedModelError(
                f"{model.name} reads {len(self._parts.embed)} tokens and predicts "
                f"{len(self._parts.unembed)}.",
                "Scores of the weights compare the two, token by token.",
            )

    def layer(self, index: int) -> LayerWeights:
        norm = self.norms[index]
        q, k, v, o = self._parts.heads(index)
        q, k, v = (norm.fold_into(w.mT).mT for w in (q, k, v))
        group = self.shape.heads // len(k)
        k, v = (repeat(w, "kv_head ... -> (kv_head group) ...", group=group) for w in (k, v))
        return LayerWeights(q, k, v, self._written(o))

    def embedding(self, tokens: Int[Tensor, "*row"] | slice) -> Float[Tensor, "*row d_model"]:
        """Rows of W_E, times what the model multiplies them by."""
        return self._scale * self._written(self._parts.embed[tokens])

    def unembedding(self, tokens: Int[Tensor, "*row"] | slice) -> Float[Tensor, "*row d_model"]:
        """Columns of W_U, one a row."""
        return self._final_norm.fold_into(self._parts.unembed[tokens]) - self._mean_unembedding

    @cached_property
    def _mean_unembedding(self) -> Float[Tensor, " d_model"]:
        return self._final_norm.fold_into(self._parts.unembed.mean(0, dtype=torch.float32))

    def _written(self, weights: Tensor) -> Tensor:
        weights = weights.float()
        return weights - weights.mean(-1, keepdim=True) if self._centred else weights
