"""Models of TransformerLens: its 4th version's `TransformerBridge`, and the `HookedTransformer` of
the 2nd and 3rd, known by its shape, not its class: TransformerLens 4 no longer has one."""

from __future__ import annotations

from typing import Any

from induction_kernels.errors import UnsupportedModelError
from induction_kernels.models.bridges import is_folded, wrapped_by
from induction_kernels.models.known import name_of
from induction_kernels.models.model import Model
from induction_kernels.models.refusals import HOW_TO


def is_transformer_lens(module: Any) -> bool:
    return hasattr(module, "run_with_hooks") and hasattr(module, "cfg")


def of_transformer_lens(module: Any, tokenizer: Any | None, name: str | None) -> Model:
    cfg = module.cfg
    if getattr(cfg, "attention_dir", "causal") != "causal":
        raise UnsupportedModelError(
            f"{name_of(module, name)} attends in both directions "
            f"(attention_dir={cfg.attention_dir!r}); induction needs causal attention.",
            "Pass a decoder-only language model.",
        )
    if not getattr(cfg, "n_heads", 0):
        raise UnsupportedModelError(f"{name_of(module, name)} has no attention heads.", HOW_TO)
    return Model(
        module=module,
        kind="transformer_lens",
        tokenizer=tokenizer or getattr(module, "tokenizer", None),
        name=name_of(module, name),
        n_layers=int(cfg.n_layers),
        n_heads=int(cfg.n_heads),
        n_ctx=int(cfg.n_ctx),
        d_vocab=int(cfg.d_vocab),
        weights="folded" if is_folded(module) or _is_folded_hooked(module) else "raw",
    )


def _is_folded_hooked(module: Any) -> bool:
    """Whether a HookedTransformer's normalization has no weights of its own: `from_pretrained`
    folds them into the layers behind it."""
    return wrapped_by(module) is None and module.cfg.normalization_type in {"LNPre", "RMSPre"}
