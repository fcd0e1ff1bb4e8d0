"""Train the bundled series: attention-only transformers small enough to watch induction form.

    python -m induction_kernels.demo.train [attn-only-2l ...] [--out DIR] [--device cuda]

An induction head completes "A B ... A" with "B". It takes two layers: a head that tells every token
what came before it, and a later head that looks for the token told "A". One layer cannot do it,
which is why attn-only-1l is trained beside the others, on the same rows.

Two things make the heads form within seven million tokens: rows that repeat themselves
(rows.py), and position vectors that start as sinusoids (`sinusoids`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import platform
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
import torch
from jaxtyping import Float, Int
from safetensors.torch import save
from torch import Tensor
from transformer_lens.config import TransformerBridgeConfig
from transformer_lens.model_bridge.sources.native import NativeModel, initialize_native_model

from induction_kernels.demo.measures import heldout_losses, induction_scores
from induction_kernels.demo.rows import Mixture, repeated_probe, training_rows
from induction_kernels.demo.update import Update, recordable
from induction_kernels.inputs import corpus

CPU = torch.device("cpu")
LAYERS = {"attn-only-1l": 1, "attn-only-2l": 2, "attn-only-3l": 3}
#: Tokens that spell rare words; the more of these, the fewer words are whole.
PIECES = 128


@dataclass(frozen=True)
class Recipe:
    """Everything a run depends on besides the corpus and the library versions."""

    seed: int = 0
    steps: int = 5000
    batch: int = 32
    learning_rate: float = 7e-3
    warmup_steps: int = 200
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    gradient_clip: float = 1.0
    mixture: Mixture = field(default_factory=Mixture)


@dataclass(frozen=True)
class Shape:
    """The architecture, in TransformerLens' names."""

    n_layers: int
    n_heads: int = 8
    d_head: int = 16
    d_model: int = 64
    n_ctx: int = 128
    d_vocab: int = 1024
    eps: float = 1e-5


# One schedule for the three models, so that their curves can be laid over each other: log-spaced at
# first, then denser where the heads form. A run with a checkpoint every 25 steps showed where: the
# best head of two layers scores 0.06 at step 1475 and 0.89 at step 1700; of three, 0.05 and 0.90 at
# 1775 and 2050.
CHECKPOINT_STEPS = (
    *(0, 10, 30, 100, 200, 300, 500, 700, 925),
    *(1400, 1475, 1550, 1600, 1625, 1675, 1700),
    *(1775, 1825, 1850, 1900, 1925, 1975, 2050),
    *(2625, 3650, 5000),
)


def native_config(shape: Shape, seed: int) -> dict[str, Any]:
    """What `TransformerBridge.boot_native` takes to build the architecture."""
    return {
        **asdict(shape),
        "attn_only": True,
        "act_fn": "gelu",  # unused without MLPs, but TransformerLens asks for a name
        "normalization_type": "LN",
        "positional_embedding_type": "standard",
        "seed": seed,
    }


def new_model(shape: Shape, seed: int) -> NativeModel:
    """TransformerLens' own initialisation, except that positions start as sinusoids."""
    config = TransformerBridgeConfig(**native_config(shape, seed))
    model = NativeModel(config)
    initialize_native_model(model, config)
    with torch.no_grad():
        model.pos.weight.copy_(sinusoids(shape.n_ctx, shape.d_model))
    return model


def sinusoids(n_ctx: int, d_model: int) -> Float[Tensor, "pos d_model"]:
    """Sines and cosines with wavelengths from 3 to n_ctx tokens, where position vectors start.

    They are learned like every other weight. But with sinusoids "one token back" is one linear map
    for all positions, so previous-token heads form early; from random vectors, with a d_model of
    64, none formed within 7 million tokens. The amplitude is four times the standard deviation of a
    fresh token embedding, 0.8 / sqrt(d_model), so that LayerNorm leaves them room.
    """
    amplitude = 4 * 0.8 / math.sqrt(d_model)
    frequencies = 2 * math.pi / np.geomspace(3, n_ctx, d_model // 2)
    angles = torch.from_numpy(np.arange(n_ctx)[:, None] * frequencies)
    return amplitude * torch.cat([angles.sin(), angles.cos()], dim=1).float()


def train(
    shape: Shape,
    recipe: Recipe,
    stream: Int[np.ndarray, " tokens"],
    keep: Callable[[int, NativeModel, float], None],
    device: torch.device = CPU,
) -> tuple[NativeModel, float]:
    """Train one model on windows of `stream`.

    Calls `keep(step, model, loss)` at each of CHECKPOINT_STEPS. Returns the model and its loss. A
    loss is the mean over the (at most) 100 training steps before, in nats a token; NaN at step 0.
    """
    rng = np.random.default_rng(recipe.seed)
    model = new_model(shape, recipe.seed).to(device)
    # One token more than n_ctx, so that the last position has something to predict.
    size = (recipe.batch, shape.n_ctx + 1)
    recent: deque[float] = deque(maxlen=100)
    with recordable(device):
        update = Update(model, recipe, size, device)
        for step in range(recipe.steps + 1):
            if step in CHECKPOINT_STEPS:
                keep(step, model, float(np.mean(recent or [math.nan])))
            if step == recipe.steps:
                break
            rows = training_rows(stream, recipe.mixture, shape.d_vocab, size, rng)
            recent.append(update(rows, learning_rate(step, recipe)))
    return model, float(np.mean(recent))


def learning_rate(step: int, recipe: Recipe) -> float:
    """Linear warm-up, then linear decay to zero at the last step."""
    warmup = min(1.0, (step + 1) / recipe.warmup_steps)
    return recipe.learning_rate * warmup * (1 - step / recipe.steps)


def progress(
    name: str, step: int, tokens: int, loss: float, scores: Float[Tensor, "layer head"]
) -> str:
    layer, head = divmod(int(scores.argmax()), scores.shape[1])
    return (
        f"{name}  step {step:5d}  {tokens / 1e6:6.2f}M tokens  loss {loss:.3f}  "
        f"best induction head L{layer}H{head} {scores.max():.3f}"
    )


def write_atomically(path: Path, data: bytes) -> None:
    """A reader sees the old file or the whole new one, also when training is interrupted."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    partial.replace(path)


def as_json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()


def as_safetensors(model: NativeModel) -> bytes:
    return save({name: tensor.half().cpu() for name, tensor in model.state_dict().items()})


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def ship(name: str, out: Path, device: torch.device = CPU) -> None:
    """Train `name` and write it under `out`: tokenizer, config, checkpoints and, last, manifest."""
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    shape, recipe = Shape(LAYERS[name]), Recipe()
    texts = list(corpus.texts(heldout=False))
    tokenizer = corpus.train_tokenizer(texts, shape.d_vocab, PIECES)
    stream = corpus.encode(tokenizer, texts)
    tokenizer_file = tokenizer.to_str(pretty=True).encode()
    write_atomically(out / "tokenizer.json", tokenizer_file)
    config_file = as_json({**native_config(shape, recipe.seed), "tied_embeddings": False})
    write_atomically(folder / "config.json", config_file)
    probe = repeated_probe(shape.d_vocab).to(device)
    checkpoints: list[dict[str, Any]] = []

    def keep(step: int, model: NativeModel, loss: float) -> None:
        file, data = f"{name}_{step}.safetensors", as_safetensors(model)
        write_atomically(folder / file, data)
        tokens = step * recipe.batch * shape.n_ctx
        checkpoints.append({"file": file, "step": step, "tokens": tokens, "sha256": sha256(data)})
        print(progress(name, step, tokens, loss, induction_scores(model, probe)), flush=True)

    model, train_loss = train(shape, recipe, stream, keep, device)
    rows = torch.from_numpy(corpus.heldout_rows(tokenizer, shape.n_ctx)).to(device)
    manifest = {
        "name": name,
        "bos_token": corpus.BOS,
        "checkpoints": checkpoints,
        "config_sha256": sha256(config_file),
        "tokenizer_sha256": sha256(tokenizer_file),
        "final_loss": {
            "train": train_loss,
            "heldout": float(heldout_losses(model, rows).mean()),
        },
        "recipe": asdict(recipe),
        "corpus": {
            "files": len(texts),
            "bytes": sum(len(text.encode()) for text in texts),
            "tokens": len(stream),
            "heldout_rows": len(rows),
        },
        "made_with": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "tokenizers": tokenizers.__version__,
            "numpy": np.__version__,
            "device": name_of(device),
        },
    }
    write_atomically(folder / "manifest.json", as_json(manifest))


def name_of(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the bundled series.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: {' '.join(LAYERS)}")
    parser.add_argument("--out", type=Path, default=Path("demo-series"), metavar="DIR")
    parser.add_argument("--device", type=torch.device, default=CPU, help="cpu (default) or cuda")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(LAYERS))
    if unknown:
        parser.error(f"there is no series {', '.join(unknown)}; there are {', '.join(LAYERS)}")
    torch.set_num_threads(1)  # with several, sums come out differently from run to run
    for name in arguments.names or LAYERS:
        ship(name, arguments.out, arguments.device)


if __name__ == "__main__":
    main()
