"""The bundled series show what they are there to show, on the files as shipped."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from induction_kernels import (
    CheckpointSeries,
    demo,
    in_context_learning,
    load_demo,
    sweep,
    token_losses,
    top_predictions,
)
from induction_kernels.demo import DEMOS
from induction_kernels.demo.source import BundledSource
from induction_kernels.errors import CheckpointError

FOLDER = Path(demo.__file__).parent


@pytest.fixture(scope="module")
def best_induction() -> dict[str, np.ndarray]:
    """The best head's induction score at every checkpoint of every series, default probe."""
    return {
        name: sweep(load_demo(name), "induction", progress=False)["induction"]
        .max(("layer", "head"))
        .values
        for name in DEMOS
    }


@pytest.mark.parametrize("name", ["attn-only-2l", "attn-only-3l"])
def test_induction_heads_form(best_induction, name) -> None:
    best = best_induction[name]
    assert best[0] < 0.05
    assert best[-1] >= 0.8


def test_one_layer_never_forms_one(best_induction) -> None:
    assert best_induction["attn-only-1l"].max() < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["attn-only-2l", "attn-only-3l"])
def test_context_comes_to_help(name) -> None:
    """On plain held-out text of this machine's own standard library; nothing is pasted."""
    from induction_kernels.inputs.corpus import heldout_rows

    series = load_demo(name)
    model = series.model(0)
    rows = heldout_rows(model.tokenizer.backend_tokenizer, model.n_ctx, 250)
    score = {
        index: in_context_learning(token_losses(series.load(index), rows), model.n_ctx)
        for index in (0, -1)
    }
    assert score[-1] - score[0] <= -0.3


@pytest.mark.parametrize("name", DEMOS)
def test_a_series_has_a_history(name) -> None:
    series = load_demo(name)
    assert len(series) >= 24
    assert series.steps[0] == 0
    assert series.tokens[0] == 0
    assert all(np.diff(series.steps) > 0)
    assert all(np.diff(np.array(series.tokens)) > 0)


def test_all_three_are_small() -> None:
    files = [path for name in DEMOS for path in (FOLDER / name).iterdir()]
    assert sum(path.stat().st_size for path in files) <= 40_000_000


def test_a_series_opens_at_once() -> None:
    demo._source.cache_clear()
    begun = time.perf_counter()
    load_demo("attn-only-2l")
    # Not a benchmark: the promise is a second, and opening reads one small file.
    assert time.perf_counter() - begun < 1


def test_the_last_checkpoint_completes_what_it_has_seen() -> None:
    """Induction in words: a made-up name comes back after its first half."""
    model = load_demo("attn-only-2l").load(-1)
    prompt = "qzv kwj qzv kwj qzv"
    found = top_predictions(model, prompt, answer=" k")
    early = top_predictions(load_demo("attn-only-2l").load(0), prompt, answer=" k")
    assert found.answer_rank is not None
    assert early.answer_rank is not None
    assert found.answer_rank < 5 < early.answer_rank


def test_every_file_is_listed_and_every_listed_file_is_there() -> None:
    for name in DEMOS:
        manifest = json.loads((FOLDER / name / "manifest.json").read_text())
        listed = {entry["file"] for entry in manifest["checkpoints"]}
        assert listed == {path.name for path in (FOLDER / name).glob("*.safetensors")}


@pytest.fixture
def copied(tmp_path) -> Path:
    """A copy of the 1l series that may be damaged."""
    shutil.copytree(FOLDER / "attn-only-1l", tmp_path / "attn-only-1l")
    shutil.copy(FOLDER / "tokenizer.json", tmp_path)
    return tmp_path / "attn-only-1l"


@pytest.mark.parametrize("damage", ["truncated", "one bit"])
def test_damaged_weights_are_refused(copied, damage) -> None:
    series = CheckpointSeries(BundledSource(copied))
    path = min(copied.glob("*.safetensors"))
    data = bytearray(path.read_bytes())
    if damage == "truncated":
        del data[-100:]
    else:
        data[-1] ^= 1
    path.write_bytes(data)
    steps = [int(p.stem.rsplit("_", 1)[1]) for p in (path,)]
    index = series.steps.index(steps[0])
    with pytest.raises(CheckpointError, match=r"altered or truncated.*SHA-256"):
        series.load(index)
    series.load(index - 1)


@pytest.mark.unchecked
def test_a_damaged_tokenizer_or_manifest_is_refused(copied) -> None:
    path = copied.parent / "tokenizer.json"
    path.write_text(path.read_text().replace("merges", "Merges"))
    with pytest.raises(CheckpointError, match=r"tokenizer\.json was altered"):
        CheckpointSeries(BundledSource(copied)).load(0)
    (copied / "manifest.json").write_text("{")
    with pytest.raises(CheckpointError, match="incomplete"):
        BundledSource(copied)


def test_unknown_names_are_told_the_known_ones() -> None:
    with pytest.raises(CheckpointError, match="attn-only-2l"):
        load_demo("attn-only-4l")
