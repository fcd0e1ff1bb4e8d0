"""What nobody holds any more is gone at once, not when Python's cycle collector comes by.

A model is large, and on a GPU nothing makes the collector hurry.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from induction_kernels import (
    CheckpointSeries,
    ablate,
    as_model,
    attention_patterns,
    head_scores,
    load_demo,
    passage_losses,
    sweep,
    token_losses,
    top_predictions,
    wiring,
)
from induction_kernels.errors import CheckpointError
from safetensors.torch import save_file
from small_models import HUGGING_FACE, VOCABULARY, bridge, variants, wrapped

TOKENS = torch.arange(1, 9)[None]


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def memory(make: Callable[[], Any]) -> Callable[[Path], CheckpointSeries]:
    def series(_folder: Path) -> CheckpointSeries:
        model = make()
        return CheckpointSeries.from_state_dicts(model, variants(model, 3))

    return series


def files(folder: Path) -> CheckpointSeries:
    model = HUGGING_FACE["llama"]()
    for step, weights in enumerate(variants(model, 3)):
        save_file(weights, folder / f"run_{step}.safetensors")
    return CheckpointSeries.from_folder(folder, model)


def folders(folder: Path) -> CheckpointSeries:
    for step in range(3):
        HUGGING_FACE["gpt2"]().save_pretrained(folder / f"checkpoint-{step}")
    return CheckpointSeries.from_folder(folder)


SERIES: dict[str, Callable[[Path], CheckpointSeries]] = {
    "memory, native": memory(bridge),
    "memory, Hugging Face": memory(HUGGING_FACE["llama"]),
    "files": files,
    "folders": folders,
    "bundled": lambda _: load_demo(),
    "a selection": lambda folder: folders(folder).select([0, 1, 2]),
    "in another dtype": lambda folder: folders(folder).to(dtype=torch.bfloat16),
    "a lone model": lambda _: CheckpointSeries.single(as_model(HUGGING_FACE["gpt2"]())),
}


def use(model: Any) -> None:
    head_scores(model)
    attention_patterns(model, TOKENS)
    token_losses(model, TOKENS)
    top_predictions(model, TOKENS)
    text = torch.randint(1, VOCABULARY, (4, 70))
    ablate(model, [(0, 0)], text, kind="resample", controls=1)
    wiring(model, (1, 0))


def watch(series: CheckpointSeries, model: torch.nn.Module) -> list[weakref.ref]:
    return [weakref.ref(one) for one in (series, model, *model.parameters())]


def kept(watched: list[weakref.ref]) -> list[str]:
    return [type(one()).__name__ for one in watched if one() is not None]


@pytest.mark.parametrize("computed", [False, True], ids=["loaded", "computed"])
@pytest.mark.parametrize("kind", SERIES)
def test_a_series_and_its_model_are_freed_with_the_last_name(kind, computed, tmp_path) -> None:
    series = SERIES[kind](tmp_path)
    model = series.load(0)
    if computed:
        use(model)
        series.load(-1)
    watched = watch(series, model)
    del series, model
    assert kept(watched) == []


@pytest.mark.parametrize("kind", ["memory, Hugging Face", "folders", "bundled"])
def test_reading_ahead_keeps_nothing(kind, tmp_path) -> None:
    series = SERIES[kind](tmp_path)
    series.load(0, then=1)
    series.load(1, then=2)
    watched = watch(series, series.load(2))
    del series
    assert kept(watched) == []


def test_sweeps_keep_nothing(tmp_path) -> None:
    series = folders(tmp_path)
    sweep(series, ["induction", "previous_token"], progress=False)
    passage_losses(series, TOKENS, progress=False)
    watched = watch(series, series.load(0))
    del series
    assert kept(watched) == []


def test_a_checkpoint_that_cannot_be_read_keeps_nothing(tmp_path) -> None:
    series = files(tmp_path)
    (tmp_path / "run_1.safetensors").write_bytes(b"no weights")
    model = series.load(0, then=1)
    with pytest.raises(CheckpointError):
        series.load(1)
    watched = watch(series, model)
    del series, model
    assert kept(watched) == []


MODELS = {"bridge": bridge, "wrapped": lambda: wrapped(HUGGING_FACE["gpt2"]()), **HUGGING_FACE}


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_that_was_read_is_freed(kind) -> None:
    model = MODELS[kind]()
    gc.collect()  # what TransformerLens leaves of the building of a bridge
    head_scores(model)
    token_losses(model, TOKENS)
    watched = [weakref.ref(one) for one in (model, *model.parameters())]
    del model
    assert kept(watched) == []
