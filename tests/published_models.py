"""Tiny models as their suites publish them: files by branch, for a local hub."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

Weights = Mapping[str, Tensor]


def files_of(model: Any, tokenizer: Any | None = None) -> dict[str, bytes]:
    """What save_pretrained writes, but for the weights."""
    with tempfile.TemporaryDirectory() as folder:
        model.config.save_pretrained(folder)
        if tokenizer is not None:
            tokenizer.save_pretrained(folder)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def moved(weights: Weights, step: int) -> dict[str, Tensor]:
    """The weights after so many steps: the further, the farther from the first."""
    generator = torch.Generator().manual_seed(0)
    far = 0.05 * (1 + step) ** 0.25
    return {
        name: value + far * torch.randn(value.shape, generator=generator).to(value.dtype)
        if value.is_floating_point()
        else value
        for name, value in weights.items()
    }


def safetensors(weights: Weights) -> bytes:
    return save({name: value.clone().contiguous() for name, value in weights.items()})


def pickled(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def sharded(weights: Weights, count: int, ending: str = "safetensors") -> dict[str, bytes]:
    """Shards and their index."""
    stem = "model" if ending == "safetensors" else "pytorch_model"
    write = safetensors if ending == "safetensors" else pickled
    names = list(weights)
    files, where = {}, {}
    for i in range(count):
        part = names[i * len(names) // count : (i + 1) * len(names) // count]
        file = f"{stem}-{i + 1:05}-of-{count:05}.{ending}"
        files[file] = write({name: weights[name] for name in part})
        where |= dict.fromkeys(part, file)
    files[f"{stem}.{ending}.index.json"] = json.dumps({"weight_map": where}).encode()
    return files


def pythia_weights(model: Any, step: int) -> dict[str, Tensor]:
    """As EleutherAI's converter left them: in float16, the head under its old name, with buffers
    that Transformers dropped since."""
    weights = {name: value.half() for name, value in moved(model.state_dict(), step).items()}
    weights["embed_out.weight"] = weights.pop("lm_head.weight")
    for layer in range(model.config.num_hidden_layers):
        attention = f"gpt_neox.layers.{layer}.attention"
        weights |= {
            f"{attention}.bias": torch.ones(1, 1, 8, 8, dtype=torch.bool).tril(),
            f"{attention}.masked_bias": torch.tensor(-1e9).half(),
            f"{attention}.rotary_emb.inv_freq": torch.ones(2),
        }
    return weights


PYTHIA = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, *range(1000, 144000, 1000)]


def pythia(
    model: Any, tokenizer: Any, steps: Iterable[int] = PYTHIA
) -> dict[str, dict[str, bytes]]:
    """Branches step<n> and main; step1 is step0, as the learning rate begins at 0."""
    beside = files_of(model, tokenizer)
    branches = {
        f"step{step}": beside | {
            "model.safetensors": safetensors(pythia_weights(model, 0 if step == 1 else step))
        }
        for step in steps
    }  # fmt: skip
    return branches | {"main": branches[f"step{max(steps)}"]}


def late(
    sound: Mapping[str, Mapping[str, bytes]],
    model: Any,
    as_main: Iterable[int],
    as_the_last: Iterable[int],
) -> dict[str, dict[str, bytes]]:
    """The same as pythia-2.8b was published: at some steps one of two late blobs, that of main, and
    that of the last step, which is another."""
    named: dict[str, dict[str, bytes]] = {name: dict(files) for name, files in sound.items()}
    last = sound[max(sound.keys() - {"main"}, key=lambda name: int(name[4:]))]
    main = {"model.safetensors": safetensors(pythia_weights(model, 142_999))}
    for step in as_main:
        named[f"step{step}"] |= main
    for step in as_the_last:
        named[f"step{step}"] = dict(last)
    named["main"] |= main
    return named


def hooked_transformers(bridge: Any) -> dict[str, Tensor]:
    """The bridge's weights as HookedTransformer saved them, with its tables."""
    cfg = bridge.cfg
    old: dict[str, Tensor] = {}
    split = {"q": "Q", "k": "K", "v": "V"}
    for name, value in bridge.state_dict().items():
        *before, part, kind = name.split(".")
        at = ".".join(before)
        if part in split and kind == "weight":
            old[f"{at}.W_{split[part]}"] = value.reshape(cfg.n_heads, cfg.d_head, -1).mT
        elif part in split:
            old[f"{at}.b_{split[part]}"] = value.reshape(cfg.n_heads, cfg.d_head)
        elif part == "o":
            head = value.T.reshape(cfg.n_heads, cfg.d_head, -1) if kind == "weight" else value
            old[f"{at}.{'W' if kind == 'weight' else 'b'}_O"] = head
        elif name in {"embed.weight", "pos_embed.weight"}:
            old[{"embed": "embed.W_E", "pos_embed": "pos_embed.W_pos"}[part]] = value
        elif part == "unembed":
            old |= {"unembed.W_U": value.T} if kind == "weight" else {"unembed.b_U": value}
        else:
            old[f"{'.'.join([*before, part])}.{kind[0]}"] = value
    for layer in range(cfg.n_layers):
        old[f"blocks.{layer}.attn.mask"] = torch.ones(4, 4, dtype=torch.bool).tril()
        old[f"blocks.{layer}.attn.IGNORE"] = torch.tensor(-1e5)
    return {name: value.contiguous() for name, value in old.items()}
