"""The bundled files as a Source: verified against their manifest. Whoever asks for a model gets one
of TransformerLens; where only the kernels see it, it is our own."""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from induction_kernels.checkpoints.files import read_bytes
from induction_kernels.checkpoints.fingerprints import of_hashes
from induction_kernels.checkpoints.integrity import check_hash
from induction_kernels.checkpoints.source import Checkpoint
from induction_kernels.checkpoints.tensors import read_safetensors
from induction_kernels.demo.tokenizer import BundledTokenizer
from induction_kernels.errors import CheckpointError
from induction_kernels.models.attention_only import AttentionOnly, Shape


class BundledSource:
    """One of the folders that `induction_kernels.demo.train` writes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = folder.name
        try:
            self._manifest = json.loads((folder / "manifest.json").read_text())
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"The bundled series {self.name} is incomplete: {error}.",
                "Install the package again.",
            ) from error
        self.checkpoints: Sequence[Checkpoint] = [
            Checkpoint(entry["step"], entry["tokens"]) for entry in self._manifest["checkpoints"]
        ]

    @cached_property
    def tokenizer(self) -> BundledTokenizer:
        path = self._folder.parent / "tokenizer.json"
        check_hash(path, read_bytes(path), self._manifest["tokenizer_sha256"])
        return BundledTokenizer(path, self.name, self._manifest["bos_token"])

    @cached_property
    def _config(self) -> dict[str, Any]:
        path = self._folder / "config.json"
        content = read_bytes(path)
        check_hash(path, content, self._manifest["config_sha256"])
        config: dict[str, Any] = json.loads(content)
        return config

    def build(self) -> nn.Module:
        from transformer_lens.config import TransformerBridgeConfig
        from transformer_lens.model_bridge import TransformerBridge

        shape = {k: v for k, v in self._config.items() if k != "tied_embeddings"}
        # Without initialisation: the weights come from the checkpoint.
        config = TransformerBridgeConfig(**shape, init_weights=False)
        bridge: nn.Module = TransformerBridge.boot_native(
            config, tokenizer=self.tokenizer.of_transformers, model_name=self.name
        ).eval()
        # TransformerLens' search for hooks leaves recursive closures that hold the bridge.
        gc.collect(1)
        return bridge

    def build_bare(self) -> nn.Module:
        shape = Shape(**{field.name: self._config[field.name] for field in fields(Shape)})
        return AttentionOnly(shape).eval()

    def fingerprint(self, index: int) -> int:
        return of_hashes([self._manifest["checkpoints"][index]["sha256"]])

    def weights(self, index: int) -> Mapping[str, Tensor]:
        entry = self._manifest["checkpoints"][index]
        weights = read_safetensors(self._folder / entry["file"], entry["sha256"])
        if self._config["tied_embeddings"]:
            weights["head.weight"] = weights["tok_embed.weight"]
        return weights
