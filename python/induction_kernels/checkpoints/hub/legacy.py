"""TransformerLens' own models on a hub: a state dict a file, by HookedTransformer's names, and a
configuration that only TransformerLens reads."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from induction_kernels.checkpoints.files import read_json
from induction_kernels.checkpoints.hub.published import PublishedFiles, fetch_tokenizer
from induction_kernels.checkpoints.transformer_lens import is_hooked_transformers, of_a_bridge
from induction_kernels.errors import CheckpointError

_CONFIGURATION = "config.json"
_SIZES = ("d_model", "n_layers", "d_mlp", "d_head", "n_heads", "n_ctx", "d_vocab", "act_fn")


class Legacy(PublishedFiles):
    """Files `checkpoints/<anything>_<n>.pth` of one repository."""

    def final_hashes(self) -> Mapping[str, str]:
        files = self.hub.files(self._repository, self.commit(0))
        return {path: e.identity for path, e in files.items() if path.endswith("final.pth")}

    @cached_property
    def tokenizer(self) -> Any | None:
        if self._tokenizer is not None and not isinstance(self._tokenizer, str):
            return self._tokenizer
        name = self._tokenizer or self._said.get("tokenizer_name")
        return None if name is None else fetch_tokenizer(self.hub, name)

    def build(self) -> nn.Module:
        from transformer_lens.model_bridge import TransformerBridge

        # A copy: TransformerLens writes into what it is given.
        bridge: nn.Module = TransformerBridge.boot_native(
            self._config(), tokenizer=self.tokenizer, model_name=self.name
        ).eval()
        gc.collect(1)  # TransformerLens' search for hooks leaves closures that hold the bridge
        return bridge

    def renamed(self, index: int, held: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        path = self.line.points[index].path
        if not is_hooked_transformers(held):
            raise CheckpointError(
                f"{path} has names like {next(iter(held))!r}, not HookedTransformer's.",
                "Only repositories in the layout of NeelNanda/Attn_Only_2L512W_C4_Code are read.",
            )
        return of_a_bridge(held, self._config(), path)

    @property
    def _repository(self) -> str:
        return self.line.points[0].repository

    @cached_property
    def _said(self) -> dict[str, Any]:
        """Its configuration, word for word."""
        return read_json(self.fetch(0, _CONFIGURATION))

    def _config(self) -> Any:
        """As TransformerLens' own loader derives it."""
        from transformer_lens.config import TransformerBridgeConfig

        said = self._said
        missing = [name for name in _SIZES if name not in said]
        if missing:
            raise CheckpointError(
                f"{_CONFIGURATION} of {self._repository} does not say {missing[0]}.",
                "It is in another layout than TransformerLens' own models.",
            )
        if said.get("shortformer_pos"):
            raise CheckpointError(
                f"{self._repository} adds positions to queries and keys only (Shortformer), which "
                "TransformerLens 4 cannot run.",
                "Load it with TransformerLens 2 and give CheckpointSeries.from_state_dicts.",
            )
        return TransformerBridgeConfig(
            **{name: said[name] for name in _SIZES},
            attn_only=said.get("attn_only", False),
            final_rms=said.get("final_rms", False),
            normalization_type=said.get("normalization", said.get("normalization_type")),
            positional_embedding_type="standard",
            init_weights=False,
        )
