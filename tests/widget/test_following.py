"""An explorer on a folder that a training run is filling."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from front_end import array
from induction_explorer import CheckpointSeries, InductionExplorer
from induction_explorer.channel.worker import SHARED
from induction_explorer.series import following
from induction_kernels import Recorder, sweep
from patience import until
from small_models import bridge, variants


@pytest.fixture(autouse=True)
def _quickly(monkeypatch) -> None:
    monkeypatch.setattr(following, "LOOK_EVERY", 0.02)


class Run:
    """A training run: each checkpoint has other weights."""

    def __init__(self, folder: Path, tokenizer) -> None:
        self.folder, self.model, self._tokenizer = folder, bridge(), tokenizer
        self._weights = dict(enumerate(variants(self.model, 8)))

    def save(self, *steps: int) -> None:
        for step in steps:
            self.model.load_state_dict(self._weights[step // 10])
            Recorder(self.folder, self.model).save(step)

    def series(self) -> CheckpointSeries:
        return CheckpointSeries.from_folder(self.folder, self.model, tokenizer=self._tokenizer)


@pytest.fixture
def run(tmp_path, tokenizer) -> Run:
    return Run(tmp_path / "run", tokenizer)


def steps_of(explorer: InductionExplorer) -> list[int]:
    return explorer._series[0]["steps"]


def is_as_if_all_had_been_there(explorer: InductionExplorer, run: Run) -> None:
    explorer.wait()
    fresh = run.series()
    assert explorer._series[0]["labels"] == fresh.labels
    expected = sweep(fresh, progress=False)
    for name in expected.data_vars:
        found = array(explorer._grids[f"0/{name}"])
        np.testing.assert_allclose(found, expected[name].to_numpy(), atol=1e-6)
    assert np.isfinite(array(explorer._measures["0/loss"])).all()


def answers(explorer: InductionExplorer, step: int) -> dict:
    """What is kept of what was asked of a checkpoint, by question."""
    at = steps_of(explorer).index(step)
    with SHARED:
        return {key[0]: one for key, one in explorer._session.results._kept.items() if key[1] == at}


def test_checkpoints_come_and_what_was_shown_stays(run) -> None:
    run.save(0, 10, 20)
    explorer = InductionExplorer(run.series(), prompt="the cat sat on the cat", checkpoint=1)
    explorer.wait()
    explorer.compare, heads = 0, explorer.heads
    known = answers(explorer, 10)
    assert known
    run.save(30, 40)
    until(lambda: steps_of(explorer) == [0, 10, 20, 30, 40])
    is_as_if_all_had_been_there(explorer, run)
    assert (explorer.checkpoint, explorer.compare, explorer.heads) == (1, 0, heads)
    still = answers(explorer, 10)
    assert all(still[question] is one for question, one in known.items())
    assert answers(explorer, 40).keys() == known.keys()


@pytest.mark.slow
def test_one_that_comes_between_moves_nothing_that_is_shown(run) -> None:
    """As when a folder is copied here, file by file: the answers go with their checkpoint."""
    run.save(0, 20, 40)
    explorer = InductionExplorer(run.series(), prompt="the cat sat on the cat", checkpoint=1)
    explorer.wait()
    explorer.compare = 2
    explorer.view = explorer.view | {"brush": [1, 2]}
    known = {step: answers(explorer, step) for step in (20, 40)}
    run.save(10, 30)
    until(lambda: steps_of(explorer) == [0, 10, 20, 30, 40])
    is_as_if_all_had_been_there(explorer, run)
    assert (explorer.checkpoint, explorer.compare) == (2, 4)
    assert explorer.view["brush"] == [2, 4]
    for step, before in known.items():
        still = answers(explorer, step)
        assert all(still[question] is one for question, one in before.items())


@pytest.mark.slow
def test_while_the_others_are_still_being_computed(run) -> None:
    run.save(0, 20, 40, 60)
    explorer = InductionExplorer(run.series(), prompt="the cat sat on the cat", checkpoint=0)
    run.save(70)
    run.save(50)
    until(lambda: len(steps_of(explorer)) == 6)
    is_as_if_all_had_been_there(explorer, run)
    explorer.close()


def test_one_explorer_after_another_on_the_same_series(run) -> None:
    """The next is shown all that came; and is followed though the first was closed."""
    run.save(0, 10)
    series = run.series()
    first = InductionExplorer(series)
    first.wait()
    run.save(20)
    until(lambda: steps_of(first) == [0, 10, 20])
    first.wait()
    second = InductionExplorer(series)
    assert (steps_of(second), second.checkpoint) == ([0, 10, 20], 2)
    first.close()
    run.save(30)
    until(lambda: steps_of(second) == [0, 10, 20, 30])
    assert len(series) == 2


def test_a_model_shows_the_checkpoint_that_it_holds(run) -> None:
    run.save(0, 20)
    series = run.series()
    model = series.load(1)
    explorer = InductionExplorer(series)
    run.save(10)
    until(lambda: steps_of(explorer) == [0, 10, 20])
    other = InductionExplorer(model)
    assert (steps_of(other), other.checkpoint) == ([0, 10, 20], 2)


def test_a_selection_stays_what_was_selected(run) -> None:
    run.save(0, 10)
    explorer = InductionExplorer(run.series().select([0, 1]))
    run.save(20)
    time.sleep(0.2)
    assert steps_of(explorer) == [0, 10]


def test_one_that_was_deleted_keeps_its_scores_and_is_a_gap_for_the_rest(run) -> None:
    run.save(0, 10)
    explorer = InductionExplorer(run.series(), prompt="the cat sat")
    explorer.wait()
    (run.folder / "weights_0.safetensors").unlink()
    run.save(20)
    until(lambda: steps_of(explorer) == [0, 10, 20])
    explorer.wait()
    assert np.isfinite(array(explorer._grids["0/induction"])).all()
    replies: list = []
    asked = {"kind": "wiring", "series": 0, "checkpoints": [0], "head": [1, 0], "anyway": True}
    explorer._requests.receive({"id": "1", **asked}, lambda reply, *_: replies.append(reply))
    explorer.wait()
    assert "weights_0.safetensors does not exist" in replies[-1]["error"]["message"]


def test_a_file_that_was_half_there_when_the_series_was_opened_is_read_once_it_is_whole(
    run,
) -> None:
    run.save(0, 10)
    last = run.folder / "weights_10.safetensors"
    whole = last.read_bytes()
    last.write_bytes(whole[: len(whole) // 2])
    explorer = InductionExplorer(run.series(), prompt="the cat sat on the cat")
    explorer.wait()
    assert "truncated" in explorer._series[0]["faults"]["1"]
    last.write_bytes(whole)
    until(lambda: explorer._series[0]["faults"] == {})
    is_as_if_all_had_been_there(explorer, run)
    assert answers(explorer, 10).keys() == answers(explorer, 0).keys()


def test_what_came_is_scored_before_the_prompt_runs_on_it(run, monkeypatch) -> None:
    """A file may still be written: one that could be scored is whole."""
    run.save(0)
    explorer = InductionExplorer(run.series(), prompt="the cat sat on the cat")
    explorer.wait()
    known: list[dict] = []
    score = explorer._session.score

    def noting(checkpoint: int, then: int | None = None):
        known.append(answers(explorer, 10))
        yield from score(checkpoint, then)

    monkeypatch.setattr(explorer._session, "score", noting)
    run.save(10)
    until(lambda: steps_of(explorer) == [0, 10])
    explorer.wait()
    assert known == [{}]
    assert answers(explorer, 10).keys() == answers(explorer, 0).keys()


def test_one_that_is_deleted_before_it_is_scored_is_a_gap(run) -> None:
    run.save(0, 10)
    explorer = InductionExplorer(run.series())
    explorer.wait()
    with SHARED:  # nothing is taken in meanwhile
        run.save(20)
        explorer._session.series.has_more()
        (run.folder / "weights_20.safetensors").unlink()
    until(lambda: steps_of(explorer) == [0, 10, 20])
    explorer.wait()
    assert "does not exist" in explorer._series[0]["faults"]["2"]


def test_a_series_that_becomes_too_many_for_its_prompt_says_what_the_rest_costs(
    run, monkeypatch
) -> None:
    run.save(0, 10, 20)
    explorer = InductionExplorer(run.series(), prompt="the cat sat")
    explorer.wait()
    assert explorer._prompts[0]["scrub"]
    size = explorer._session.parameters
    monkeypatch.setattr("induction_explorer.series.budget.PARAMETER_PASSES", 3 * size)
    run.save(30)
    until(lambda: len(steps_of(explorer)) == 4)
    explorer.wait()
    assert (explorer._series[0]["light"], explorer._prompts[0]["scrub"]) == (False, False)


TRAINING = """
import sys, time
import numpy as np, torch
from induction_kernels import Recorder
from induction_kernels.demo.rows import training_rows
from induction_kernels.demo.train import CPU, Recipe, Shape, learning_rate, new_model
from induction_kernels.demo.update import Update
torch.set_num_threads(1)
shape, recipe = Shape(2), Recipe(batch=1)
model = new_model(shape, recipe.seed)
rng = np.random.default_rng(0)
stream = rng.integers(1, shape.d_vocab, 10_000)
size = (recipe.batch, shape.n_ctx + 1)
update = Update(model, recipe, size, CPU)
recorder = Recorder(sys.argv[1], model)
for step in range(65):
    recorder(step)
    update(training_rows(stream, recipe.mixture, shape.d_vocab, size, rng), 1e-3)
    if step == 2:
        print("go on", flush=True)
        input()
"""


@pytest.mark.slow
def test_a_run_of_another_process(tmp_path) -> None:
    """The bundled recipe, recorded, while its explorer is open."""
    from induction_kernels.demo.train import Shape, native_config
    from transformer_lens.config import TransformerBridgeConfig
    from transformer_lens.model_bridge import TransformerBridge

    folder = tmp_path / "run"
    training = subprocess.Popen(
        [sys.executable, "-c", TRAINING, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert training.stdin
    assert training.stdout
    assert training.stdout.readline() == "go on\n"
    model = TransformerBridge.boot_native(TransformerBridgeConfig(**native_config(Shape(2), 0)))
    series = CheckpointSeries.from_folder(folder, model)
    assert series.steps == [0, 1, 2]
    explorer = InductionExplorer(series)
    print(file=training.stdin, flush=True)
    until(lambda: steps_of(explorer)[-1] == 64)
    training.communicate()
    assert training.returncode == 0
    explorer.wait()
    assert steps_of(explorer) == [0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64]
    assert explorer._series[0]["faults"] == {}
    fresh = sweep(CheckpointSeries.from_folder(folder, model), "induction", progress=False)
    found = array(explorer._grids["0/induction"])
    np.testing.assert_allclose(found, fresh["induction"].to_numpy(), atol=1e-6)
