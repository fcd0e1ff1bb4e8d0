"""One view on any causal transformer, whoever built it.

`as_model` accepts a TransformerLens 4 `TransformerBridge`, a TransformerLens 2/3
`HookedTransformer` (by its shape, not its class: TransformerLens 4 no longer has one) and a
Hugging Face causal language model. The module itself is never changed.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from induction_kernels.errors import InductionError, SelectionError, UnsupportedModelError
from induction_kernels.models.refusals import refuse_other_tasks, refuse_without_values
from induction_kernels.restoring import restoring, without_gradients
from induction_kernels.threads import by_one_thread

_HOW_TO = (
    "Pass a TransformerBridge, a HookedTransformer or a Hugging Face causal language model "
    "(AutoModelForCausalLM) with its tokenizer."
)


@dataclass(eq=False)
class Model:
    """What the kernels need to know of a model.

    Attributes:
        module: the model as the caller holds it.
        kind: how its attention is reached: TransformerLens hooks or Transformers' attention
            interface.
        tokenizer: a Hugging Face tokenizer, or None.
        name: for titles and provenance.
        n_ctx: longest sequence in tokens.
        d_vocab: rows of the embedding; the tokenizer may know fewer tokens.
        weights: "raw" as trained, or "folded" (TransformerLens' compatibility mode).
        attending: the layers that have attention; hybrid models have others too.
    """

    module: nn.Module
    kind: Literal["transformer_lens", "hugging_face"]
    tokenizer: Any | None
    name: str
    n_layers: int
    n_heads: int
    n_ctx: int
    d_vocab: int
    weights: Literal["raw", "folded"]
    attending: tuple[int, ...] = ()

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

    def provenance(self) -> dict[str, str]:
        """What has to be known of the model to repeat a number."""
        empty = [la for la in range(self.n_layers) if la not in self.attending]
        return {
            "model": self.name,
            "weights": self.weights,
            "dtype": str(self.dtype).removeprefix("torch."),
            "device": self.device.type,
            **({"layers_without_attention": ", ".join(map(str, empty))} if empty else {}),
        }

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """No gradients and no dropout inside; every training flag is put back after.

        Raises:
            InductionError: another thread is running the model.
        """
        with by_one_thread(self.module, self.name):
            training = [m for m in self.module.modules() if m.training]

            def put_back() -> None:
                for m in training:
                    m.training = True

            with restoring(put_back), without_gradients():
                for m in training:
                    m.training = False
                yield


def as_model(model: Any, tokenizer: Any | None = None, *, name: str | None = None) -> Model:
    """The one view of `model` that every kernel takes.

    Args:
        model: a TransformerBridge, a HookedTransformer, a Hugging Face causal LM, a pair
            (model, tokenizer), or what this function returned before.
        tokenizer: for a model that brings none. Without one, scores and patterns of token ids
            work and text prompts do not.
        name: for titles and provenance; otherwise what the model calls itself.

    Raises:
        UnsupportedModelError: (a TypeError) an encoder, a model without causal attention, or
            something that is no model.
        InductionError: attention that is not finite, as NaN weights give, or a model into which
            the weights of a checkpoint were copied in part.
    """
    if isinstance(model, Model):
        refuse_mixture(model.module)
        return model
    if isinstance(model, tuple) and len(model) == 2:
        model, tokenizer = model
    if not isinstance(model, nn.Module):
        raise UnsupportedModelError(f"{type(model).__name__} is not a model.", _HOW_TO)
    refuse_mixture(model)
    refuse_without_values(model, _name_of(model, name))
    known_tokenizer, known_name = _remembered.get(model, (None, None))
    tokenizer, name = tokenizer or known_tokenizer, name or known_name
    if hasattr(model, "run_with_hooks") and hasattr(model, "cfg"):
        view = _from_transformer_lens(model, tokenizer, name)
    elif hasattr(model, "set_attn_implementation") and hasattr(model, "config"):
        view = _from_hugging_face(model, tokenizer, name)
    else:
        raise UnsupportedModelError(
            f"{type(model).__name__} has neither TransformerLens hooks nor Transformers' attention "
            "interface, so its attention cannot be read.",
            _HOW_TO,
        )
    view.attending = _look_at(view)
    return view


def _look_at(model: Model) -> tuple[int, ...]:
    """The layers that attend.

    Raises:
        UnsupportedModelError: attention that cannot be read, or a model that cannot be run at all.
    """
    from induction_kernels.attention.check import layers_that_attend

    try:
        return layers_that_attend(model)
    except (InductionError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # of the model's own code, which may do anything
        raise UnsupportedModelError(
            f"{model.name} cannot be run on a few tokens: {type(error).__name__}: "
            f"{next(iter(str(error).splitlines()), '').rstrip('.')}.",
            "See that model(input_ids=torch.tensor([[0, 1, 2]])) runs before passing it.",
        ) from error


def _from_transformer_lens(module: Any, tokenizer: Any | None, name: str | None) -> Model:
    cfg = module.cfg
    if getattr(cfg, "attention_dir", "causal") != "causal":
        raise UnsupportedModelError(
            f"{_name_of(module, name)} attends in both directions "
            f"(attention_dir={cfg.attention_dir!r}); induction needs causal attention.",
            "Pass a decoder-only language model.",
        )
    if not getattr(cfg, "n_heads", 0):
        raise UnsupportedModelError(f"{_name_of(module, name)} has no attention heads.", _HOW_TO)
    return Model(
        module=module,
        kind="transformer_lens",
        tokenizer=tokenizer or getattr(module, "tokenizer", None),
        name=_name_of(module, name),
        n_layers=int(cfg.n_layers),
        n_heads=int(cfg.n_heads),
        n_ctx=int(cfg.n_ctx),
        d_vocab=int(cfg.d_vocab),
        weights="folded" if getattr(module, "compatibility_mode", False) else "raw",
    )


def _from_hugging_face(module: Any, tokenizer: Any | None, name: str | None) -> Model:
    config = module.config.get_text_config()
    class_name = type(module).__name__
    refuse_other_tasks(module)
    if isinstance(module.get_input_embeddings(), nn.ModuleList):
        raise UnsupportedModelError(
            f"{class_name} reads several streams of tokens at once.", "Pass a model of one."
        )
    return Model(
        module=module,
        kind="hugging_face",
        tokenizer=tokenizer,
        name=_name_of(module, name),
        n_layers=_layers_of(config, class_name),
        n_heads=_heads_of(config, class_name),
        n_ctx=_context_of(module, config),
        d_vocab=int(config.vocab_size),
        weights="raw",
    )


def _first_of(config: Any, *names: str) -> Any:
    """The first of these that the configuration has: one of two stacks calls its own otherwise."""
    return next((value for name in names if (value := getattr(config, name, None))), None)


def _layers_of(config: Any, class_name: str) -> int:
    layers = _first_of(config, "decoder_layers", "num_decoder_layers", "num_hidden_layers")
    if not layers:
        raise UnsupportedModelError(
            f"The configuration of {class_name} does not say how many layers it has.",
            "Pass a model of one stack of layers.",
        )
    return int(layers)


def _context_of(module: Any, config: Any) -> int:
    """The longest sequence: as the configuration says, and no longer than the text model's table of
    positions, which RoBERTa and its like begin to count after the id of padding."""
    said = _first_of(config, "max_position_embeddings", "n_positions", "max_seq_len")
    tables = [
        table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)
        for name, table in module.get_decoder().named_modules()
        if isinstance(table, nn.Embedding) and "position" in name.rpartition(".")[2]
    ]
    return min([*([int(said)] if said and said > 0 else []), *tables], default=2048)


def _heads_of(config: Any, class_name: str) -> int:
    try:
        heads = _first_of(
            config, "decoder_attention_heads", "num_decoder_attention_heads", "num_attention_heads"
        )
    except RuntimeError as error:  # Transformers', of what differs from layer to layer
        raise UnsupportedModelError(
            f"{class_name} has layers with different numbers of heads.",
            "Only models with equally many heads in every layer are supported.",
        ) from error
    if not heads:
        raise UnsupportedModelError(
            f"{class_name} has no attention heads: its layers are of another kind.",
            "State-space and recurrent models have no patterns to show.",
        )
    return int(heads)


def _name_of(module: Any, name: str | None) -> str:
    own = getattr(getattr(module, "cfg", None), "model_name", None) or getattr(
        getattr(module, "config", None), "name_or_path", None
    )
    return name or own or type(module).__name__


def refuse_without_attention(model: Model, layer: int) -> None:
    """Raise a SelectionError for a layer of a hybrid model that does not attend."""
    if layer in range(model.n_layers) and layer not in model.attending:
        raise SelectionError(
            f"Layer {layer} of {model.name} has no attention.",
            f"Layers with attention: {', '.join(map(str, model.attending))}.",
        )


# What a series knows of the model it loads weights into: its tokenizer and its name.
_remembered: weakref.WeakKeyDictionary[nn.Module, tuple[Any, str]] = weakref.WeakKeyDictionary()


def remember(module: nn.Module, tokenizer: Any | None, name: str) -> None:
    """Let `as_model` find what the module itself does not carry."""
    _remembered[module] = (tokenizer, name)


# In the module itself, so that a copy of a mixture has it, too.
_MIXED = "_holds_parts_of_two_checkpoints"


@contextlib.contextmanager
def mixing(module: nn.Module) -> Iterator[None]:
    """Inside, and from then on if it ends by an exception, `module` is of two states."""
    vars(module)[_MIXED] = True
    yield
    vars(module).pop(_MIXED, None)


def refuse_mixture(module: nn.Module) -> None:
    """Raise an InductionError if copying weights into `module` was begun and not ended."""
    if _MIXED in vars(module):
        raise InductionError(
            f"{_name_of(module, _remembered.get(module, (None, None))[1])} holds parts of two "
            "checkpoints: copying weights into it was interrupted.",
            "Load a checkpoint again: series.load(index).",
        )
