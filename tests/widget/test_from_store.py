"""An explorer on what a sweep kept: no model, no weights, no PyTorch."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import traitlets
import xarray
from front_end import array
from induction_explorer import CheckpointSeries, InductionExplorer, load_demo, sweep
from induction_explorer.series import following
from induction_explorer.series.stored import StoreSession
from induction_kernels import Recorder, as_model
from induction_kernels.errors import StoreError
from patience import until
from small_models import bridge, variants
from transformers import LlamaConfig, LlamaForCausalLM

ROWS = [[(3 * i + j) % 300 for j in range(60)] for i in range(4)]


@pytest.fixture
def place(series, tmp_path) -> Path:
    where = tmp_path / "x.zarr"
    sweep(series, store=where, measures=True, texts=ROWS, progress=False)
    return where


SCRIPT = """
import sys
from induction_explorer import InductionExplorer
explorer = InductionExplorer.from_store({place!r})
explorer.wait(60)
assert explorer._phases[0]["text"], explorer._phases
assert explorer.heads
explorer.scores(), explorer.measures()
explorer.close()
print(*sorted({{"torch", "transformers", "transformer_lens", "safetensors"}} & set(sys.modules)))
"""


@pytest.mark.slow
def test_nothing_that_computes_is_imported(place) -> None:
    found = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", SCRIPT.format(place=str(place))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-2000:]
    imported = [line.rsplit("|", 1)[-1].strip() for line in found.stderr.splitlines()]
    assert "zarr" in imported
    assert [name for name in imported if name.split(".")[0] in {"torch", "transformers"}] == []
    assert found.stdout.split() == []


def test_it_shows_what_an_explorer_with_the_model_shows(series, place) -> None:
    live = InductionExplorer(series, texts=ROWS)
    live.wait()
    kept = InductionExplorer.from_store(place)
    kept.wait()
    assert kept._scores == live._scores
    assert kept._series[0] | {"light": True, "without_model": None, "held": []} == live._series[0]
    assert kept._grids.keys() == live._grids.keys()
    for name, envelope in live._grids.items():
        np.testing.assert_array_equal(array(kept._grids[name]), array(envelope))
    assert kept._measures.keys() == live._measures.keys()
    for name, envelope in live._measures.items():
        np.testing.assert_allclose(array(kept._measures[name]), array(envelope), atol=1e-5)
    assert kept._phases == live._phases
    assert kept.heads == live.heads
    assert kept.checkpoint == live.checkpoint
    kept.checkpoint, kept.score = 1, "previous_token"
    xarray.testing.assert_allclose(kept.scores()["induction"], live.scores()["induction"])
    kept.close()
    live.close()


def test_of_the_rest_it_says_what_it_needs(place) -> None:
    explorer = InductionExplorer.from_store(place)
    error = {
        "message": "This needs a model: InductionExplorer(series).",
        "hint": "small was opened from a store, which holds scores and losses.",
    }
    of_prompt = explorer._prompts[0]["error"]
    assert of_prompt["message"] == error["message"]
    assert "sweep(series, prompts=[...], store=...) keeps prompts as well" in of_prompt["hint"]
    replies: list = []
    asked = {"kind": "wiring", "series": 0, "checkpoints": [1], "head": [1, 0]}
    explorer._requests.receive({"id": "1", **asked}, lambda reply, *_: replies.append(reply))
    assert replies == [{"id": "1", "error": error}]
    with pytest.raises(traitlets.TraitError, match="This needs a model: InductionExplorer"):
        explorer.prompt = "A B C A B"
    assert explorer.prompt == ""
    explorer.close()


def test_where_there_is_no_store_it_says_how_to_make_one(tmp_path) -> None:
    with pytest.raises(StoreError, match=r"no store of a sweep at .*sweep\(series, store="):
        InductionExplorer.from_store(tmp_path / "none.zarr")
    assert not (tmp_path / "none.zarr").exists()


def test_a_store_of_scores_alone_says_how_to_add_losses(series, tmp_path) -> None:
    sweep(series, ["entropy"], store=tmp_path / "x.zarr", progress=False)
    explorer = InductionExplorer.from_store(tmp_path / "x.zarr")
    explorer.wait()
    assert explorer.score == "entropy"
    assert "measures=True" in explorer._measured_on[0]
    explorer.close()


def test_a_store_that_grows_is_followed(series, tmp_path, monkeypatch) -> None:
    """Checkpoints, also in between, scores and measures; the reader stays where they were."""
    monkeypatch.setattr(following, "LOOK_EVERY", 0.05)
    place = tmp_path / "x.zarr"
    sweep(series.select([1, 3]), "induction", store=place, progress=False)
    explorer = InductionExplorer.from_store(place)
    assert explorer._series[0]["steps"] == [10, 1000]
    assert explorer.checkpoint == 1
    explorer.compare = 0
    whole = sweep(series, ["induction", "entropy"], store=place, measures="loss", texts=ROWS,
                  progress=False)  # fmt: skip
    until(lambda: explorer._series[0]["steps"] == [0, 10, 100, 1000])
    until(lambda: np.isfinite(explorer.measures().get("loss", np.nan)).all())
    until(lambda: np.isfinite(explorer.scores().get("entropy", np.nan)).all())
    assert (explorer.checkpoint, explorer.compare) == (3, 1)
    assert set(explorer._grids) == {"0/induction", "0/entropy"}
    np.testing.assert_array_equal(array(explorer._grids["0/entropy"]), whole["entropy"].to_numpy())
    explorer.close()


def test_what_came_is_handed_out_when_the_page_has_it_too(series, tmp_path, monkeypatch) -> None:
    """Not between the moment in which a store was read and that in which its explorers see it."""
    monkeypatch.setattr(following, "LOOK_EVERY", 0.05)
    place = tmp_path / "x.zarr"
    sweep(series, "induction", store=place, progress=False)
    explorer = InductionExplorer.from_store(place)
    take = StoreSession._take

    def take_long(session, *found) -> None:
        take(session, *found)
        time.sleep(0.5)

    monkeypatch.setattr(StoreSession, "_take", take_long)
    sweep(series, ["induction", "entropy"], store=place, progress=False)
    until(lambda: "entropy" in explorer.scores())
    assert set(explorer._grids) == {"0/induction", "0/entropy"}
    explorer.close()


def test_a_training_run_that_scores_itself_is_followed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(following, "LOOK_EVERY", 0.05)
    model = bridge()
    recorder = Recorder(None, model, store=tmp_path / "x.zarr", scores="induction", name="mine")
    recorder(0)
    explorer = InductionExplorer.from_store(tmp_path / "x.zarr")
    assert (explorer._series[0]["name"], explorer._series[0]["steps"]) == ("mine", [0])
    for step, weights in enumerate(variants(model)[1:], 1):
        model.load_state_dict(weights)
        recorder(step)
    until(lambda: explorer._series[0]["steps"] == [0, 1, 2, 3])
    until(lambda: np.isfinite(array(explorer._grids["0/induction"])).all())
    grids = array(explorer._grids["0/induction"])
    assert len({grid.tobytes() for grid in grids}) == 4
    explorer.close()


ENDING = """
import threading
from induction_explorer import InductionExplorer
from induction_explorer.series import following, stored

looks, look = threading.Event(), stored.StoreSession.look

def noted(self):
    looks.set()
    look(self)

stored.StoreSession.look = noted
following.LOOK_EVERY = 0
explorer = InductionExplorer.from_store({place!r})
looks.wait(60)
"""


@pytest.mark.slow
def test_a_process_that_ends_while_it_follows_says_nothing(place) -> None:
    script = ENDING.format(place=str(place))
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stderr == ""


def test_what_is_shown_stays_where_the_store_goes_or_is_made_anew(series, tmp_path) -> None:
    place = tmp_path / "x.zarr"
    sweep(series, "induction", store=place, progress=False)
    explorer = InductionExplorer.from_store(place)
    shown = (explorer._series[0]["name"], explorer._series[0]["steps"], dict(explorer._grids))
    shutil.rmtree(place)
    explorer._session.look()
    sweep(load_demo("attn-only-3l").select([0, -1]), "induction", store=place, progress=False)
    explorer._session.look()
    assert (explorer._series[0]["name"], explorer._series[0]["steps"], explorer._grids) == shown
    explorer.close()


def test_a_gap_says_its_reason(series, tmp_path, monkeypatch) -> None:
    from induction_kernels.errors import CheckpointError
    from induction_kernels.scores.registry import Scorer

    original = Scorer.__call__

    def failing(self, model):
        if failing.left == 0:
            failing.left = -1
            raise CheckpointError("The disk ate it.")
        failing.left -= 1
        return original(self, model)

    failing.left = 2
    monkeypatch.setattr(Scorer, "__call__", failing)
    with pytest.warns(UserWarning, match="The disk ate it"):
        sweep(series, "induction", store=tmp_path / "x.zarr", progress=False)
    explorer = InductionExplorer.from_store(tmp_path / "x.zarr")
    assert explorer._series[0]["faults"] == {"2": "The disk ate it."}
    assert explorer.checkpoint == 3
    explorer.close()


def test_it_knows_which_heads_share_keys(tmp_path) -> None:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=40, hidden_size=24, intermediate_size=16, num_hidden_layers=2,
        num_attention_heads=6, num_key_value_heads=2, max_position_embeddings=32,
    )  # fmt: skip
    series = CheckpointSeries.single(as_model(LlamaForCausalLM(config)))
    sweep(series, ["induction"], store=tmp_path / "x.zarr")
    kept = InductionExplorer.from_store(tmp_path / "x.zarr")
    assert kept._series[0]["key_heads"] == [2, 2]
    kept.close()
