"""Where a model keeps the weights of its heads: as TransformerLens' adapters say, one for each of
about 140 architectures, and as its own models have them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from induction_kernels.attention.unbridged import unbridged
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.errors import InductionError, UnsupportedModelError
from induction_kernels.models.attention_only import AttentionOnly, is_attention_only
from induction_kernels.models.bridges import is_native, wrapped_by
from induction_kernels.models.model import Model
from induction_kernels.restoring import shapes_only

#: W_Q, W_K, W_V [head, d_model, d_head] and W_O [head, d_head, d_model]; grouped heads have fewer
#: keys and values.
Heads = tuple[Tensor, Tensor, Tensor, Tensor]

#: Of a bridge that is folded, or was trained in parts, it cannot be tried what it does with its
#: weights. These are known to do what is read of them.
_PLAIN = (
    "GPT2LMHeadModel", "GPTNeoXForCausalLM", "LlamaForCausalLM", "MistralForCausalLM",
    "Qwen2ForCausalLM", "OlmoForCausalLM",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Parts:
    """A model's weights as it holds them.

    Attributes:
        heads: of a layer.
        out_bias: what a layer's heads write whatever they attend to, b_O; None without one.
        unembed_bias: b_U; None without one.
        norms: the module before each layer's attention, whose input in the model's own pass is the
            residual stream.
        rotary: queries and keys are rotated by position after these weights.
        mlps: whether layers have something beside attention.
        body: the Hugging Face model that does with them what remains to be seen; None of what is
            known.
    """

    embed: Float[Tensor, "d_vocab d_model"]
    unembed: Float[Tensor, "d_vocab_out d_model"]
    heads: Callable[[int], Heads]
    out_bias: Callable[[int], Float[Tensor, " d_model"] | None]
    unembed_bias: Float[Tensor, " d_vocab_out"] | None
    norms: Sequence[nn.Module]
    final_norm: nn.Module
    rotary: bool
    mlps: bool = True
    body: Body | None = None


class Body:
    """A Hugging Face model whose parts TransformerLens' adapter finds. It is not changed."""

    def __init__(self, module: Any, n_heads: int) -> None:
        from transformer_lens.factories.architecture_adapter_factory import (
            ArchitectureAdapterFactory,
        )
        from transformer_lens.model_bridge.sources import build_bridge_config_from_hf

        name = type(module).__name__
        config = build_bridge_config_from_hf(module.config, name, name, torch.float32)
        self.module = module
        self._n_heads = n_heads
        self._adapter = ArchitectureAdapterFactory.select_architecture_adapter(config)
        self.layers = len(self.part("blocks"))
        self.norms = [self.part(f"blocks.{layer}.ln1") for layer in range(self.layers)]
        self.final_norm = self.part("ln_final")
        self.rotary = config.positional_embedding_type == "rotary"

    def part(self, path: str) -> Any:
        """A module by TransformerLens' name for it.

        Raises:
            AttributeError, ValueError: there is none.
        """
        return self._adapter.get_component(self.module, path)

    def heads(self, layer: int) -> Heads:
        attention = f"blocks.{layer}.attn"
        component: Any = self._adapter.get_generalized_component(attention)
        out = _plain(self.part(f"{attention}.o"))
        if "qkv" in component.submodules:
            _plain(self.part(f"{attention}.qkv"))
            # The layers that it makes for them begin with random numbers, which take long.
            joint = self.part(attention)
            apart = shapes_only(lambda: component.split_qkv_matrix(joint))
        else:
            apart = [self.part(f"{attention}.{name}") for name in ("q", "k", "v")]
        of_queries, of_keys, of_values = (_plain(linear) for linear in apart)
        d_head = len(of_queries) // self._n_heads
        q, k = (
            rearrange(w, "(head d_head) d_model -> head d_model d_head", d_head=d_head)
            for w in (of_queries, of_keys)
        )
        v = rearrange(of_values, "(head d_head) d_model -> head d_model d_head", head=len(k))
        o = rearrange(out, "d_model (head d_head) -> head d_head d_model", head=self._n_heads)
        return q, k, v, o

    def out_bias(self, layer: int) -> Float[Tensor, " d_model"] | None:
        bias: Tensor | None = getattr(self.part(f"blocks.{layer}.attn.o"), "bias", None)
        return bias


def parts_of(model: Model) -> Parts:
    """The parts of a model that is known, or that TransformerLens has an adapter for.

    Raises:
        UnsupportedModelError: weights that are not to be found.
    """
    module: Any = model.module
    if is_attention_only(module):
        return _of_attention_only(module)
    wrapped = wrapped_by(module)
    of = type(module if wrapped is None else wrapped).__name__
    if getattr(getattr(module, "config", None), "clip_qkv", None) is not None:
        raise UnsupportedModelError(
            f"{model.name} clips queries, keys and values, so they are no products of weights.",
            "Ask for scores of the attention.",
        )
    if wrapped is not None and is_native(wrapped):
        return _of_bridge(module)
    try:
        if wrapped is None:
            return _of_body(Body(module, model.n_heads))
        if model.weights == "folded":
            raise DoesNotFitError("compatibility mode changed the weights")
        return _of_body(Body(unbridged(wrapped), model.n_heads), module)
    except DoesNotFitError as error:
        if of in _PLAIN:
            return _of_bridge(module)
        raise not_as_products(
            model, f"{error}, and what a {of} does with them cannot be seen"
        ) from error
    except (InductionError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # of an adapter's code, which knows models as they were published
        raise not_as_products(
            model, f"TransformerLens does not say where a {of} has those of each head"
        ) from error


def not_as_products(model: Model, why: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"The weights of {model.name} cannot be read head by head: {why}.",
        "Scores of the weights need queries, keys and values that are plain products of the "
        "normalized residual stream, as in GPT-2, Pythia or Llama; scores of the attention do not.",
    )


def _of_attention_only(module: AttentionOnly) -> Parts:
    def heads(layer: int) -> Heads:
        attention: Any = module.layers[layer].attn
        q, k, v = (
            rearrange(of.weight, "(head d_head) d_model -> head d_model d_head", d_head=d_head)
            for of in (attention.q, attention.k, attention.v)
        )
        o = rearrange(
            attention.o.weight, "d_model (head d_head) -> head d_head d_model", d_head=d_head
        )
        return q, k, v, o

    d_head = module.shape.d_head
    blocks: Any = module.layers
    return Parts(
        embed=module.tok_embed.weight,
        unembed=module.head.weight,
        heads=heads,
        out_bias=lambda layer: blocks[layer].attn.o.bias,
        unembed_bias=None,
        norms=[block.ln1 for block in blocks],
        final_norm=module.ln_out,
        rotary=False,
        mlps=False,
    )


def _of_bridge(bridge: Any) -> Parts:
    def heads(layer: int) -> Heads:
        attention = bridge.blocks[layer].attn
        return attention.W_Q, attention.W_K, attention.W_V, attention.W_O

    return Parts(
        embed=bridge.W_E,
        unembed=bridge.W_U.T,
        heads=heads,
        out_bias=lambda layer: bridge.blocks[layer].attn.b_O,
        unembed_bias=bridge.b_U,
        norms=[block.ln1 for block in bridge.blocks],
        final_norm=bridge.ln_final,
        rotary=bridge.cfg.positional_embedding_type == "rotary",
        mlps=not bridge.cfg.attn_only,
    )


def _of_body(body: Body, bridge: Any | None = None) -> Parts:
    """The parts that an adapter finds.

    Args:
        bridge: what runs instead of the body, on the same weights.
    """
    for layer in range(body.layers):  # what cannot be read is refused before anything is done
        body.heads(layer)
    unembedding = body.module.get_output_embeddings()
    return Parts(
        embed=body.module.get_input_embeddings().weight,
        unembed=_plain(unembedding),
        heads=body.heads,
        out_bias=body.out_bias,
        unembed_bias=getattr(unembedding, "bias", None),
        norms=body.norms if bridge is None else [block.ln1 for block in bridge.blocks],
        final_norm=body.final_norm if bridge is None else bridge.ln_final,
        rotary=body.rotary,
        body=body,
    )


def _plain(linear: nn.Module) -> Float[Tensor, "out in"]:
    """The weight of a layer that does nothing but multiply by it."""
    name = type(linear).__name__
    weight = getattr(linear, "weight", None)  # packed ones are behind a method
    if (
        name not in ("Linear", "Conv1D", "FalconLinear")
        or not isinstance(weight, Tensor)
        or not weight.is_floating_point()
    ):
        kind = f" of {weight.dtype}" if isinstance(weight, Tensor) else ", packed,"
        raise UnsupportedModelError(
            f"Attention has a {name}{kind} where a plain linear layer was expected.",
            "Merge adapters and undo quantization to score the weights.",
        )
    return weight.T if name == "Conv1D" else weight
