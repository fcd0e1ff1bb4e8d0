"""What a Recorder adds to training: to the bundled recipe, at the default schedule.

python tests/benchmarks/recording.py [pairs]

Between two of the schedule's steps lie on average so many others; that many are timed, then what
the recorder does once. They take turns, so that a busy moment hits all alike.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from statistics import median

import numpy as np
import torch
from induction_kernels import Recorder, load_demo
from induction_kernels.demo.rows import training_rows
from induction_kernels.demo.train import CPU, Recipe, Shape, learning_rate
from induction_kernels.demo.update import Update
from induction_kernels.inputs import corpus
from induction_kernels.models.bridges import wrapped_by
from induction_kernels.sweeps.recorder import is_log_spaced

#: Of the time that training takes.
AT_MOST = 0.02


def training(model: torch.nn.Module, recipe: Recipe) -> Callable[[], None]:
    """A step of the recipe."""
    shape, rng = Shape(2), np.random.default_rng(recipe.seed)
    tokenizer = load_demo("attn-only-2l")._source.tokenizer.backend_tokenizer
    stream = corpus.encode(tokenizer, list(corpus.texts(heldout=False)))
    size = (recipe.batch, shape.n_ctx + 1)
    update = Update(model, recipe, size, CPU)
    steps = count()

    def step() -> None:
        rows = training_rows(stream, recipe.mixture, shape.d_vocab, size, rng)
        update(rows, learning_rate(next(steps), recipe))

    return step


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(pairs: int = 5) -> None:
    torch.set_num_threads(1)
    recipe = Recipe()
    saves = sum(is_log_spaced(step) for step in range(recipe.steps)) + 1
    between = recipe.steps // saves
    bridge = load_demo("attn-only-2l").load(-1)
    model = wrapped_by(bridge)
    assert model is not None
    step = training(model, recipe)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        recorders = {
            "weights": Recorder(place / "run", bridge),
            "the induction score": Recorder(
                None, bridge, store=place / "one.zarr", scores="induction"
            ),
            "all scores": Recorder(None, bridge, store=place / "x.zarr"),
        }
        shares: dict[str, list[float]] = {name: [] for name in recorders}
        spent: dict[str, list[float]] = {name: [] for name in recorders}
        for number in range(pairs + 1):
            training_took = seconds(lambda: [step() for _ in range(between)])
            for name, recorder in recorders.items():
                took = seconds(lambda: recorder.save(number))  # noqa: B023 - called at once
                if number:  # the first makes what stays: a copy of the model, the store
                    shares[name].append(took / training_took)
                    spent[name].append(took)
    print(
        f"{recipe.steps:,} steps, of which {saves} are recorded; {training_took:.1f} s between two"
    )
    for name, found in shares.items():
        share = median(found)
        verdict = "met" if share <= AT_MOST else "not met"
        print(
            f"recording {name} adds {share:.2%} ({min(found):.2%}–{max(found):.2%}; "
            f"{1000 * median(spent[name]):.0f} ms each); wanted: below {AT_MOST:.0%}: {verdict}"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
