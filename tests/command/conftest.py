"""A training run on this machine, and a store of what was swept of the bundled series."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from induction_explorer import load_demo, sweep
from small_models import HUGGING_FACE, variants

#: Of a small Llama's training run; the second one is cut off.
STEPS = (0, 10, 20)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, tokenizer) -> Path:
    """As transformers.Trainer leaves it, with one checkpoint cut off."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    model = HUGGING_FACE["llama"]().eval()
    for step, weights in zip(STEPS, variants(model, len(STEPS)), strict=True):
        model.load_state_dict(weights)
        one = folder / f"checkpoint-{step}"
        model.save_pretrained(one)
        tokenizer.save_pretrained(one)
        (one / "trainer_state.json").write_text(json.dumps({"num_input_tokens_seen": step * 500}))
    cut = folder / "checkpoint-10" / "model.safetensors"
    cut.write_bytes(cut.read_bytes()[:1000])
    return folder


@pytest.fixture(scope="session")
def swept(tmp_path_factory) -> Path:
    """Four checkpoints of attn-only-2l: two scores and the measures."""
    place = tmp_path_factory.mktemp("swept") / "x.zarr"
    series = load_demo("attn-only-2l").select([0, 8, 16, -1])
    sweep(series, ["previous_token", "induction"], measures=True, store=place, progress=False)
    return place


@pytest.fixture
def store(swept, tmp_path) -> Path:
    """The same, to be changed."""
    return shutil.copytree(swept, tmp_path / "x.zarr")
