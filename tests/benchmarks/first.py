"""How long a reader waits for the first grid, and what a page is sent.

python tests/benchmarks/first.py
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
import torch
from induction_explorer import CheckpointSeries, InductionExplorer
from induction_explorer.channel.worker import SHARED
from induction_kernels import as_model
from induction_kernels.attention.forward import run
from induction_kernels.checkpoints.source import Checkpoint
from induction_kernels.inputs.probes import RepeatedTokens
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "widget"))
sys.path.append(str(HERE.parent))

#: SmolLM2-135M's.
SHAPE = {
    "vocab_size": 49_152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
    "num_attention_heads": 9, "num_key_value_heads": 3, "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
}  # fmt: skip

COLD = """
import time
began = time.perf_counter()
import torch
torched = time.perf_counter()
import numpy as np
from induction_explorer import InductionExplorer, load_demo
from induction_explorer.channel.worker import SHARED
explorer = InductionExplorer(load_demo("attn-only-2l"))
grid = explorer._session.grids[explorer.score]
with SHARED:
    SHARED.wait_for(lambda: np.isfinite(grid).any())
print(torched - began, time.perf_counter() - began)
explorer.close()
"""


def large() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SHAPE)).eval()


def seconds(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def cold_start() -> tuple[float, float]:
    """Seconds of `import torch` and until the first grid, in one new process."""
    command = [sys.executable, "-c", COLD]
    done = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    torched, shown = map(float, done.split())
    return torched, shown


def until_grids(module: LlamaForCausalLM) -> tuple[float, float]:
    """Seconds from the cell to the chosen score, and to all scores."""
    began = time.perf_counter()
    explorer = InductionExplorer(module)
    session, here = explorer._session, explorer.checkpoint
    grid = session.grids[explorer.score]
    with SHARED:
        SHARED.wait_for(lambda: np.isfinite(grid[here]).any())
        first = time.perf_counter() - began
        SHARED.wait_for(lambda: session.is_scored(here))
    whole = time.perf_counter() - began
    explorer.close()
    return first, whole


class Many:
    """A source of as many checkpoints as one likes, all the same."""

    tokenizer = None

    def __init__(self, count: int) -> None:
        from small_models import bridge

        self.name = "many"
        self.checkpoints = [Checkpoint(step=i, tokens=1_000_000 * i) for i in range(count)]
        self._module = bridge()

    def build(self) -> nn.Module:
        from small_models import bridge

        return bridge()

    def weights(self, _index: int) -> Mapping[str, Tensor]:
        return self._module.state_dict()


def bytes_sent(count: int) -> int:
    """To a page, until every score of so many checkpoints is there."""
    from front_end import connected

    with connected(pytest.MonkeyPatch()) as page:
        explorer = InductionExplorer(CheckpointSeries(Many(count)))
        explorer.wait()
        explorer.close()
        return sum(page.sizes)


def main() -> None:
    cold = [cold_start() for _ in range(5)]
    torched, shown = (median(column) for column in zip(*cold, strict=True))
    times = median(shown / torched for torched, shown in cold)
    print(
        f"cold kernel, bundled series: first grid after {shown:.1f} s, {times:.2f} times "
        f"`import torch` ({torched:.1f} s), medians of {len(cold)}; wanted: at most 2 times"
    )
    module = large()
    model = as_model(module)
    tokens = RepeatedTokens.make(model).tokens
    run(model, tokens)
    bare = min(seconds(lambda: run(model, tokens)) for _ in range(3))
    first, whole = until_grids(module)
    print(
        f"SmolLM2-135M's shape: first grid after {first:.1f} s, all scores after {whole:.1f} s; a "
        f"bare pass of the probe takes {bare:.1f} s; wanted: at most {1.5 * bare + 1:.1f} s"
    )
    few, many = bytes_sent(48), bytes_sent(154)
    print(
        f"bytes sent: {few:,} for 48 checkpoints, {many:,} for 154, {many / few:.1f} times; "
        "wanted: at most 4 times"
    )


if __name__ == "__main__":
    main()
