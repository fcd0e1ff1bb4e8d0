"""Models that cannot be read here, and why: said before anything is run."""

from __future__ import annotations

from typing import Any

from torch import nn

from induction_kernels.errors import UnsupportedModelError
from induction_kernels.models.bridges import clean

#: What to pass instead.
HOW_TO = (
    "Pass a TransformerBridge, a HookedTransformer or a Hugging Face causal language model "
    "(AutoModelForCausalLM) with its tokenizer."
)


def refuse_without_values(module: nn.Module, name: str) -> None:
    """Raise an UnsupportedModelError if weights are not there, as on the meta device."""
    for what, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if tensor.is_meta:
            raise UnsupportedModelError(
                f"{clean(what)} of {name} is on the meta device: a "
                "shape without values, as in an empty model or where weights are offloaded.",
                "Load all of the weights onto one device: from_pretrained without device_map.",
            )


def refuse_other_tasks(module: Any) -> None:
    """Raise an UnsupportedModelError if a Hugging Face model does not predict the next token of a
    text from those before it."""
    why = _other_task(module)
    if why is not None:
        raise UnsupportedModelError(
            f"{type(module).__name__} is not a causal language model: {why}.",
            "Pass a decoder-only model with its language-model head, "
            "as AutoModelForCausalLM.from_pretrained gives it.",
        )


def _other_task(module: Any) -> str | None:
    of_text = module.config.get_text_config()
    encoder_decoder = any(
        getattr(config, "is_encoder_decoder", False) for config in (module.config, of_text)
    )
    if not encoder_decoder and module.can_generate():
        return None
    reads = "" if module.main_input_name == "input_ids" else f" of {module.main_input_name}"
    if encoder_decoder:
        return (
            f"it has an encoder{reads} as well, and its decoder attends to what that makes, not to "
            "earlier tokens alone"
        )
    if reads:
        return f"it reads {module.main_input_name} where a text has input_ids"
    if type(module).__name__.endswith("ForMaskedLM"):
        return "it is an encoder, which fills in masked tokens by looking in both directions"
    if module.get_output_embeddings() is None:
        return "it has no language-model head"
    return "it does not predict the next token"
