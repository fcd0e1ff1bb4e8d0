"""Measure the shipped files and write the numbers into MODEL_CARD.md.

    python -m induction_kernels.demo.card

Everything between the two markers is replaced; the prose around them is written by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.demo import DEMOS, load_demo
from induction_kernels.demo.train import sha256
from induction_kernels.inputs import corpus
from induction_kernels.losses.tokens import in_context_learning, token_losses
from induction_kernels.sweeps.run import sweep

Manifests = dict[str, dict[str, Any]]

HERE = Path(__file__).parent
BEGIN = "<!-- begin: python -m induction_kernels.demo.card -->"
END = "<!-- end -->"


def induction_table(series: Mapping[str, CheckpointSeries]) -> list[str]:
    """The best head of every checkpoint; the three series share their steps."""
    lines = ["| step | tokens | " + " | ".join(series) + " |", "|--:" * (2 + len(series)) + "|"]
    columns = [
        [_best_head(grid) for grid in sweep(one, "induction", progress=False)["induction"]]
        for one in series.values()
    ]
    for checkpoint, *cells in zip(next(iter(series.values())), *columns, strict=True):
        lines.append(f"| {checkpoint.step:,} | {checkpoint.tokens:,} | " + " | ".join(cells) + " |")
    return lines


def _best_head(grid: Any) -> str:
    layer, head = divmod(int(grid.values.argmax()), grid.shape[1])
    return f"{float(grid.max()):.3f} L{layer}H{head}"


def loss_table(series: Mapping[str, CheckpointSeries], manifests: Manifests) -> list[str]:
    """Losses and in-context learning of the first and the last checkpoint."""
    lines = [
        (
            "| series | parameters | final training loss | held-out loss, first → last "
            "| in-context learning, first → last |"
        ),
        "|---|--:|--:|--:|--:|",
    ]
    tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    for name, one in series.items():
        means, learning = [], []
        for index in (0, -1):
            model = one.model(index)
            rows = corpus.heldout_rows(tokenizer, model.n_ctx)
            losses = token_losses(model, torch.from_numpy(rows))
            means.append(f"{losses.mean():.3f}")
            learning.append(f"{in_context_learning(losses, model.n_ctx):+.3f}")
        parameters = sum(p.numel() for p in one.load(-1).parameters())
        lines.append(
            f"| {name} | {parameters:,} | {manifests[name]['final_loss']['train']:.3f} "
            f"| {' → '.join(means)} | {' → '.join(learning)} |"
        )
    return lines


def corpus_table(manifest: dict[str, Any]) -> list[str]:
    numbers, made_with = manifest["corpus"], manifest["made_with"]
    rows = {
        "training files": f"{numbers['files']:,}",
        "bytes in them": f"{numbers['bytes']:,}",
        "tokens in them": f"{numbers['tokens']:,}",
        "held-out rows of 128 tokens": f"{numbers['heldout_rows']:,}",
        "tokens seen in training": f"{manifest['checkpoints'][-1]['tokens']:,}",
        "seed": str(manifest["recipe"]["seed"]),
        **made_with,
    }
    return ["| | |", "|---|--:|", *(f"| {name} | {value} |" for name, value in rows.items())]


def hash_table(manifests: Manifests) -> list[str]:
    files = ["tokenizer.json", *(f"{name}/manifest.json" for name in manifests)]
    lines = [f"| `{file}` | `{sha256((HERE / file).read_bytes())}` |" for file in files]
    return ["| file | sha256 |", "|---|---|", *lines]


def main() -> None:
    series = {name: load_demo(name) for name in DEMOS}
    manifests = {name: json.loads((HERE / name / "manifest.json").read_text()) for name in DEMOS}
    sections = {
        "Corpus, run and versions": corpus_table(manifests["attn-only-2l"]),
        "Losses (nats a token) and in-context learning": loss_table(series, manifests),
        "Induction score of the best head": induction_table(series),
        "Hashes": hash_table(manifests),
    }
    generated = [
        line for title, table in sections.items() for line in (f"### {title}", "", *table, "")
    ]
    card = HERE / "MODEL_CARD.md"
    before, rest = card.read_text().split(BEGIN)
    after = rest.split(END)[1]
    card.write_text("\n".join([before + BEGIN, "", *generated, END]) + after)


if __name__ == "__main__":
    main()
