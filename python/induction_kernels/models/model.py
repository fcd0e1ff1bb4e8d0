"""One view on any causal transformer, whoever built it. The module itself is never changed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import nn

from induction_kernels.errors import SelectionError
from induction_kernels.models.bridges import wrapped_by
from induction_kernels.restoring import restoring, without_gradients
from induction_kernels.threads import by_one_thread


@dataclass(eq=False)
class Model:
    """What the kernels need to know of a model.

    Attributes:
        module: the model as the caller holds it.
        kind: the library it is of, or our own. What follows for its attention is in
            `attention/reach.py`.
        tokenizer: a Hugging Face tokenizer, or None.
        name: for titles and provenance.
        n_ctx: longest sequence in tokens.
        d_vocab: rows of the embedding; the tokenizer may know fewer tokens.
        weights: "raw" as trained, or "folded" (TransformerLens' compatibility mode).
        attending: the layers that have attention; hybrid models have others too.
        key_heads: heads of keys and values of each layer; fewer than `n_heads` where heads share
            them (grouped queries), 0 where that is not known.
    """

    module: nn.Module
    kind: Literal["transformer_lens", "hugging_face", "attention_only"]
    tokenizer: Any | None
    name: str
    n_layers: int
    n_heads: int
    n_ctx: int
    d_vocab: int
    weights: Literal["raw", "folded"]
    attending: tuple[int, ...] = ()
    key_heads: tuple[int, ...] = ()

    @property
    def device(self) -> torch.device:
        return next(self.module.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.module.parameters()).dtype

    @property
    def bos_id(self) -> int | None:
        """The token every sequence starts with: BOS, else EOS, else None."""
        config = getattr(self.module, "config", None)
        for holder in (self.tokenizer, config):
            for attribute in ("bos_token_id", "eos_token_id"):
                token = getattr(holder, attribute, None)
                if isinstance(token, int) and token < self.d_vocab:
                    return token
        return None

    def head_name(self, layer: int, head: int) -> str:
        return f"L{layer}H{head}"

    @property
    def axes(self) -> dict[str, range]:
        """The coordinates of one number a head, as a dataset has them."""
        return {"layer": range(self.n_layers), "head": range(self.n_heads)}

    @property
    def shares_keys(self) -> bool:
        """Whether some heads are known to share their keys and values."""
        return any(0 < count < self.n_heads for count in self.key_heads)

    def provenance(self) -> dict[str, str]:
        """What has to be known of the model to repeat a number."""
        empty = [la for la in range(self.n_layers) if la not in self.attending]
        return {
            "model": self.name,
            "weights": self.weights,
            "dtype": str(self.dtype).removeprefix("torch."),
            "device": self.device.type,
            **({"layers_without_attention": ", ".join(map(str, empty))} if empty else {}),
            **({"key_heads": " ".join(map(str, self.key_heads))} if self.shares_keys else {}),
        }

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """No gradients and no dropout inside; every training flag is put back after.

        Raises:
            InductionError: another thread is running the model.
        """
        with by_one_thread(self.module, self.name):
            # A bridge's forward pass runs parts of the model it wraps that are no parts of its own.
            wrapped = wrapped_by(self.module)
            modules = {*self.module.modules(), *(() if wrapped is None else wrapped.modules())}
            training = [m for m in modules if m.training]

            with restoring(partial(_train, training, mode=True)), without_gradients():
                _train(training, mode=False)
                yield


def _train(modules: list[nn.Module], *, mode: bool) -> None:
    for module in modules:
        module.training = mode


def refuse_without_attention(model: Model, layer: int) -> None:
    """Raise a SelectionError for a layer of a hybrid model that does not attend."""
    if layer in range(model.n_layers) and layer not in model.attending:
        raise SelectionError(
            f"Layer {layer} of {model.name} has no attention.",
            f"Layers with attention: {', '.join(map(str, model.attending))}.",
        )
