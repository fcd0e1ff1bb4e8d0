"""The weights of every head, with the norms before them folded in, for the models we know.

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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from induction_kernels.errors import UnsupportedModelError
from induction_kernels.models.bridges import bare, is_native, wrapped_by
from induction_kernels.models.model import Model


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


@dataclass(frozen=True, eq=False)
class Norm:
    """What a norm does to the residual stream, apart from its bias.

    Attributes:
        kind: "layer" takes the mean off and divides by the spread, "rms" only divides; None for
            no norm at all.
        gain: what the result is multiplied by, in the model's dtype; None for 1.
    """

    kind: str | None
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


@dataclass(frozen=True, eq=False)
class _Parts:
    """A model's weights as it holds them.

    Attributes:
        heads: a layer to its W_Q, W_K, W_V [head, d_model, d_head] and W_O [head, d_head, d_model].
        norms: the module before each layer's attention.
    """

    embed: Float[Tensor, "d_vocab d_model"]
    unembed: Float[Tensor, "d_vocab_out d_model"]
    heads: Callable[[int], tuple[Tensor, Tensor, Tensor, Tensor]]
    norms: Sequence[nn.Module]
    final_norm: nn.Module
    rotary: bool


class HeadWeights:
    """Folded weights of a model, one layer at a time.

    Raises:
        UnsupportedModelError: an architecture whose weights we do not know how to read.
    """

    def __init__(self, model: Model) -> None:
        self._parts = _parts(model)
        d_vocab, d_model = self._parts.embed.shape
        d_head = self._parts.heads(0)[0].shape[-1]
        self.shape = Shape(model.n_layers, model.n_heads, d_model, d_head, d_vocab)
        #: The module before each layer's attention, whose input is the residual stream.
        self.norm_modules = self._parts.norms
        self.norms = [_norm(module, model.name) for module in self._parts.norms]
        self._final_norm = _norm(self._parts.final_norm, model.name)
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
        k, v = (w.repeat_interleave(self.shape.heads // len(w), dim=0) for w in (k, v))
        return LayerWeights(q, k, v, self._written(o))

    def embedding(self, tokens: Int[Tensor, "*row"] | slice) -> Float[Tensor, "*row d_model"]:
        """Rows of W_E."""
        return self._written(self._parts.embed[tokens])

    def unembedding(self, tokens: Int[Tensor, "*row"] | slice) -> Float[Tensor, "*row d_model"]:
        """Columns of W_U, one a row."""
        return self._final_norm.fold_into(self._parts.unembed[tokens]) - self._mean_unembedding

    @cached_property
    def _mean_unembedding(self) -> Float[Tensor, " d_model"]:
        return self._final_norm.fold_into(self._parts.unembed.mean(0, dtype=torch.float32))

    def _written(self, weights: Tensor) -> Tensor:
        weights = weights.float()
        return weights - weights.mean(-1, keepdim=True) if self._centred else weights


# --- architectures ------------------------------------------------------------------------------


def _gpt2(attention: Any, n_heads: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    # Conv1D keeps its weight [in, out].
    joint, out = _plain(attention.c_attn), _plain(attention.c_proj)
    q, k, v = (w.unflatten(1, (n_heads, -1)).transpose(0, 1) for w in joint.chunk(3, dim=1))
    return q, k, v, out.unflatten(0, (n_heads, -1))


def _gpt_neox(attention: Any, n_heads: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    # Each head's query, key and value stand side by side.
    joint = _plain(attention.query_key_value).unflatten(0, (n_heads, 3, -1))
    q, k, v = (w.mT for w in joint.unbind(1))
    return q, k, v, _plain(attention.dense).T.unflatten(0, (n_heads, -1))


def _separate(attention: Any, n_heads: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    d_head = attention.head_dim
    q, k, v = (
        _plain(linear).unflatten(0, (-1, d_head)).mT
        for linear in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    return q, k, v, _plain(attention.o_proj).T.unflatten(0, (n_heads, d_head))


def _plain(linear: nn.Module) -> Tensor:
    """The weight of a layer that does nothing but multiply by it."""
    weight = getattr(linear, "weight", None)  # packed ones are behind a method
    if (
        type(linear).__name__ not in ("Linear", "Conv1D")
        or not isinstance(weight, Tensor)
        or not weight.is_floating_point()
    ):
        kind = f" of {weight.dtype}" if isinstance(weight, Tensor) else ", packed,"
        raise UnsupportedModelError(
            f"Attention has a {type(linear).__name__}{kind} where a plain linear layer was "
            "expected.",
            "Merge adapters and undo quantization to score the weights.",
        )
    return weight


@dataclass(frozen=True)
class _Architecture:
    """Where a Hugging Face class keeps its weights, by the names of its attributes."""

    layers: str
    norm: str
    attention: str
    final_norm: str
    heads: Callable[[Any, int], tuple[Tensor, Tensor, Tensor, Tensor]]
    rotary: bool = True


_LLAMA = _Architecture("model.layers", "input_layernorm", "self_attn", "model.norm", _separate)
_ARCHITECTURES = {
    "GPT2LMHeadModel": _Architecture(
        "transformer.h", "ln_1", "attn", "transformer.ln_f", _gpt2, rotary=False
    ),
    "GPTNeoXForCausalLM": _Architecture(
        "gpt_neox.layers", "input_layernorm", "attention", "gpt_neox.final_layer_norm", _gpt_neox
    ),
    "LlamaForCausalLM": _LLAMA,
    "MistralForCausalLM": _LLAMA,
    "Qwen2ForCausalLM": _LLAMA,
    "OlmoForCausalLM": _LLAMA,
}

#: Kinds of norm, by class. A class that is not here may do anything.
_NORMS = {
    "LayerNorm": "layer",
    "OlmoLayerNorm": "layer",
    "NativeLayerNormPre": "layer",
    "LlamaRMSNorm": "rms",
    "MistralRMSNorm": "rms",
    "Qwen2RMSNorm": "rms",
    "NativeRMSNorm": "rms",
    "NativeRMSNormPre": "rms",
    "Identity": None,
}


def _parts(model: Model) -> _Parts:
    module: Any = model.module
    bridged = wrapped_by(module)
    name = type(module if bridged is None else bridged).__name__
    known = name in _ARCHITECTURES or (bridged is not None and is_native(bridged))
    if not known:
        raise UnsupportedModelError(
            f"The weights of {model.name} ({name}) are laid out in a way that is not known here.",
            f"Scores of the weights know {', '.join(_ARCHITECTURES)}, bridges over them and "
            "TransformerLens' native models.",
        )
    if getattr(getattr(module, "config", None), "clip_qkv", None) is not None:
        raise UnsupportedModelError(
            f"{model.name} clips queries, keys and values, so they are no products of weights.",
            "Ask for scores of the attention.",
        )
    return _of_hugging_face(module, model.n_heads) if bridged is None else _of_bridge(module)


def _of_bridge(bridge: Any) -> _Parts:
    def heads(layer: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        attention = bridge.blocks[layer].attn
        return attention.W_Q, attention.W_K, attention.W_V, attention.W_O

    return _Parts(
        embed=bridge.W_E,
        unembed=bridge.W_U.T,
        heads=heads,
        norms=[block.ln1 for block in bridge.blocks],
        final_norm=bridge.ln_final,
        rotary=bridge.cfg.positional_embedding_type == "rotary",
    )


def _of_hugging_face(module: Any, n_heads: int) -> _Parts:
    known = _ARCHITECTURES[type(module).__name__]
    layers: Any = module.get_submodule(known.layers)
    # Views, and all at once: what cannot be read in any layer is refused before anything is done.
    heads = [known.heads(getattr(layer, known.attention), n_heads) for layer in layers]
    return _Parts(
        embed=module.get_input_embeddings().weight,
        unembed=module.get_output_embeddings().weight,
        heads=heads.__getitem__,
        norms=[getattr(layer, known.norm) for layer in layers],
        final_norm=module.get_submodule(known.final_norm),
        rotary=known.rotary,
    )


def _norm(module: Any, model: str) -> Norm:
    module = bare(module)
    name = type(module).__name__
    if name not in _NORMS:
        raise UnsupportedModelError(
            f"{model} normalizes with {name}, which is not known here.",
            f"Scores of the weights know {', '.join(_NORMS)}.",
        )
    return Norm(_NORMS[name], getattr(module, "weight", None))
