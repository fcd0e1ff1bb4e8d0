"""What a notebook sees of the explorer: traits, their limits, and what it computes for them."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from declared import fields, required
from front_end import array
from induction_explorer import CheckpointSeries, InductionExplorer
from induction_explorer.analyses.one_pass import OnePass
from induction_explorer.channel.answering import Answering
from induction_explorer.channel.worker import SHARED
from induction_explorer.series.counterparts import counterparts
from induction_explorer.series.session import SeriesSession
from induction_kernels import (
    MEASURES,
    as_model,
    head_scores,
    measures,
    sweep,
    top_predictions,
)
from induction_kernels.errors import ProbeError
from induction_kernels.inputs.texts import TextProbe
from induction_kernels.scores.registry import UNASKED
from small_models import HUGGING_FACE, bridge, variants
from traitlets import TraitError
from wire_page import Page


def grid(explorer: InductionExplorer, score: str, series: int = 0) -> np.ndarray:
    found = explorer._grids[f"{series}/{score}"]
    return array(found)


def test_grids_are_the_sweep(explorer, computed) -> None:
    expected = sweep(computed.replica(), progress=False)
    assert explorer._status["state"] == "ready"
    for name in UNASKED:
        assert grid(explorer, name) == pytest.approx(expected[name].values, abs=1e-6)


def test_measures_are_the_kernels_own(explorer, computed) -> None:
    text = TextProbe.default(computed.replica().model(0), rows=16)
    expected = measures(computed.replica(), text, progress=False)
    assert "token_loss" in MEASURES
    assert "0/token_loss" not in explorer._measures  # a value a row: the page has no use for it
    for name in (info["name"] for info in explorer._measure_infos):
        sent = explorer._measures[f"0/{name}"]
        found = array(sent)
        assert found == pytest.approx(expected[name].values, rel=1e-5)
    assert explorer._measured_on == [
        (
            "16 rows of held-out Python standard library (late is position 62, early 6; "
            f"{100 * expected.attrs['copyable_share']:.0f} % of the tokens are copyable)"
        )
    ]


def test_a_model_that_cannot_be_measured_says_why() -> None:
    without = InductionExplorer(bridge())
    without.wait()
    assert "no tokenizer" in without._measured_on[0]
    assert without._status["state"] == "ready"


def test_long_rows_are_sent_as_a_log_axis_shows_them(tokenizer) -> None:
    explorer = InductionExplorer(bridge(n_ctx=400), tokenizer=tokenizer)
    explorer.wait()
    sent = explorer._measures["0/positions"]
    positions = array(sent)
    assert positions[0] == 0
    assert positions[-1] == 398
    assert len(positions) < 130
    assert explorer._measures["0/loss_by_position"]["shape"] == [1, len(positions)]


def test_a_model_brings_its_series_and_its_checkpoint(series) -> None:
    explorer = InductionExplorer(series.load(1))
    assert explorer._series[0]["steps"] == [0, 10, 100, 1000]
    assert explorer.checkpoint == 1


def test_a_model_without_a_series_has_one_stop(tokenizer) -> None:
    explorer = InductionExplorer(bridge(), tokenizer=tokenizer)
    explorer.wait()
    assert explorer._series[0]["steps"] == [0]
    assert explorer.checkpoint == 0
    assert explorer._status["state"] == "ready"
    with pytest.raises(TraitError, match="from 0 to 0"):
        explorer.checkpoint = 1


def test_a_hugging_face_model_with_its_tokenizer(tokenizer) -> None:
    model = HUGGING_FACE["gpt2"]().eval()
    for given in (
        InductionExplorer(model, tokenizer=tokenizer),
        InductionExplorer((model, tokenizer)),
    ):
        given.wait()
        expected = head_scores((model, tokenizer), "induction")["induction"].values
        assert grid(given, "induction")[0] == pytest.approx(expected, abs=1e-6)
        assert given._prompts[0]["tokens"][0] == "<|bos|>"
        top = top_predictions((model, tokenizer), given._prompts[0]["ids"], k=3)
        ((_, arrays),) = Page(given).ask("predictions", checkpoints=[0])
        assert arrays["ids"][0, -1, :3].tolist() == top.ids.tolist()


def test_the_readers_model_is_not_changed(series) -> None:
    model = series.load(2)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    InductionExplorer(model).wait()
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert not any(point.fwd_hooks for point in model.hook_dict.values())


def test_a_lone_model_is_read_in_a_copy(tokenizer) -> None:
    """Its owner may use it at the same time: weights, flags, hooks and attention are not touched.
    Replicas share the weights of the copy, which are there once."""
    for model in (bridge(), *(make() for make in HUGGING_FACE.values())):
        series = CheckpointSeries.single(as_model(model, tokenizer))
        theirs = {p.data_ptr() for p in model.parameters()}
        ours, again = (
            {p.data_ptr() for p in s.load(0).parameters()} for s in (series, series.replica())
        )
        assert ours == again
        assert not ours & theirs
        assert not {id(part) for part in series.load(0).modules()} & {
            id(p) for p in model.modules()
        }


def test_explorers_on_one_series_share_what_was_computed(explorer, computed) -> None:
    again = InductionExplorer(computed)
    assert np.isfinite(grid(again, "induction")).all()  # without waiting


@pytest.mark.parametrize(
    ("trait", "value", "said"),
    [
        ("checkpoint", 4, r"checkpoint is 4; .* 0 to 3 \(4 checkpoints in small\)"),
        ("checkpoint", -1, "from 0 to 3"),
        ("compare", 9, "compare is 9"),
        ("series", 1, "from 0 to 0"),
        ("score", "inductoin", "may be induction, prefix_matching"),
        ("heads", [[0, 4]], r"\[0, 4\].*layer 0 to 1 and head 0 to 3"),
        ("heads", [3], r"must be \[layer, head\]"),
        ("prompt", "", "The prompt is empty"),
        ("prompt", "qz" * 100, r"\d+ tokens long; small takes at most 128"),
    ],
)
def test_wrong_values_say_what_is_allowed_and_change_nothing(explorer, trait, value, said) -> None:
    before = getattr(explorer, trait)
    with pytest.raises(TraitError, match=said):
        setattr(explorer, trait, value)
    assert getattr(explorer, trait) == before


def test_wrong_values_and_names_to_begin_with(series) -> None:
    with pytest.raises(TraitError, match="checkpoint is 7"):
        InductionExplorer(series, checkpoint=7)
    with pytest.raises(TypeError, match=r"no argument 'promt'.*prompt"):
        InductionExplorer(series, promt="x")
    with pytest.raises(TypeError, match="Linear has neither"):
        InductionExplorer(torch.nn.Linear(2, 2))
    with pytest.raises(TypeError, match="empty list"):
        InductionExplorer([])


def test_a_wrong_value_from_the_page_is_shown_on_the_page(explorer) -> None:
    explorer.set_state({"checkpoint": 99})
    assert explorer._status["state"] == "failed"
    assert "checkpoint is 99" in explorer._status["error"]["message"]
    assert explorer.checkpoint == 3


def test_a_refusal_stays_on_the_page_while_work_goes_on_until_the_next_choice(series) -> None:
    explorer = InductionExplorer(series)
    explorer.set_state({"checkpoint": 99})
    seen = []
    explorer.observe(lambda change: seen.append(change.new), "_status")
    explorer.prompt = "the cat sat on the cat"
    explorer.wait()
    assert all("checkpoint is 99" in status["error"]["message"] for status in seen)
    assert [status["state"] for status in seen][-1] == "failed"
    explorer.set_state({"checkpoint": 1})
    assert explorer._status == {
        "state": "ready", "label": "", "progress": "", "done": 0, "total": 0, "error": None
    }  # fmt: skip


def test_it_says_ready_only_when_nothing_is_pending(series) -> None:
    explorer = InductionExplorer(series)
    assert explorer._work.pending > 0
    assert explorer._status["state"] == "computing"
    explorer.wait()
    assert explorer._status["state"] == "ready"
    explorer.prompt = "the cat sat on the cat"
    assert explorer._work.pending > 0
    assert explorer._status["state"] == "computing"


def test_heads_are_kept_once_and_in_order(explorer) -> None:
    explorer.heads = [(1, 2), [0, 3], (1, 2)]
    assert explorer.heads == [[1, 2], [0, 3]]


def test_it_begins_with_the_two_heads_of_the_circuit(computed, explorer) -> None:
    scores = head_scores(computed.load(-1), ["previous_token", "induction"])
    best = [list(divmod(int(grid.values.argmax()), 4)) for grid in scores.values()]
    assert explorer.heads == [h for i, h in enumerate(best) if h not in best[:i]]


def test_a_choice_made_before_the_scores_are_there_stands(series) -> None:
    none = InductionExplorer(series, heads=[])
    one = InductionExplorer(series)
    one.heads = [[0, 1]]
    for explorer, chosen in ((none, []), (one, [[0, 1]])):
        explorer.wait()
        assert explorer.heads == chosen


def test_a_model_without_tokenizer_shows_ids_and_takes_them() -> None:
    explorer = InductionExplorer(bridge())
    ids = explorer._prompts[0]["ids"]
    assert ids[:16] == ids[16:]
    explorer.prompt = "5 17 5"
    assert explorer._prompts[0]["tokens"] == ["5", "17", "5"]
    with pytest.raises(TraitError, match="no tokenizer"):
        explorer.prompt = "the cat"
    assert explorer.prompt == "5 17 5"


def test_a_broken_checkpoint_is_named_and_the_others_stand(tokenizer) -> None:
    model = bridge()
    weights = variants(model)
    weights[1]["blocks.0.attn.q.weight"][:] = torch.nan
    explorer = InductionExplorer(
        CheckpointSeries.from_state_dicts(model, weights, tokenizer=tokenizer)
    )
    explorer.wait()
    assert "holds NaN" in explorer._series[0]["faults"]["1"]
    assert np.isnan(grid(explorer, "induction")[1]).all()
    assert np.isfinite(grid(explorer, "induction")[[0, 2, 3]]).all()
    assert explorer._status["state"] == "ready"


@pytest.mark.slow
def test_several_series_side_by_side(series, tokenizer) -> None:
    other = bridge(n_layers=3, n_ctx=32)
    longer = CheckpointSeries.from_state_dicts(
        other, variants(other, 6), tokens=range(0, 600_000, 100_000), tokenizer=tokenizer
    )
    explorer = InductionExplorer([series, longer], heads=[[1, 3]], checkpoint=2)
    explorer.wait()
    assert grid(explorer, "induction", 1).shape == (6, 3, 4)
    explorer.checkpoint = 3
    explorer.series = 1
    assert explorer.checkpoint == 5  # 500,000 tokens in both
    short, long = (session.grids for session in explorer._sessions)
    assert explorer.heads == counterparts([[1, 3]], explorer.score, short, long)
    explorer.heads = [[2, 0]]
    explorer.checkpoint = 1
    explorer.series = 0
    assert explorer.checkpoint == 2  # 100,000 tokens: 50,000 are nearer than 500,000
    (alike,) = counterparts([[2, 0]], explorer.score, long, short)
    assert explorer.heads == ([] if alike is None else [alike])
    # The page chooses for itself.
    explorer.set_state({"series": 1, "checkpoint": 2, "heads": [[2, 2]]})
    assert (explorer.series, explorer.checkpoint, explorer.heads) == (1, 2, [[2, 2]])


def test_another_series_than_the_first_to_begin_with(series, tokenizer) -> None:
    other = bridge(n_layers=3)
    longer = CheckpointSeries.from_state_dicts(other, variants(other, 6), tokenizer=tokenizer)
    explorer = InductionExplorer([series, longer], series=1)
    assert (explorer.series, explorer.checkpoint) == (1, 5)
    explorer = InductionExplorer([series, longer], series=1, heads=[[2, 0]], checkpoint=4)
    assert (explorer.heads, explorer.checkpoint) == ([[2, 0]], 4)
    with pytest.raises(TraitError, match="series is 2"):
        InductionExplorer([series, longer], series=2)


def test_a_series_that_cannot_run_the_prompt_says_so(series, tokenizer) -> None:
    short = bridge(n_ctx=16)
    other = CheckpointSeries.from_state_dicts(short, variants(short), tokenizer=tokenizer)
    explorer = InductionExplorer([series, other], prompt="the cat sat " * 8)
    assert explorer._prompts[0]["error"] is None
    refused = explorer._prompts[1]
    assert "takes at most 16" in refused["error"]["message"]
    assert set(refused) == fields("PromptInfo")
    assert set(refused["error"]) == required("ErrorInfo")
    assert (refused["tokens"], refused["ids"], refused["answer"]) == ([], [], "")
    assert refused["scrub"] is False


def test_closing_stops_the_work(series) -> None:
    explorer = InductionExplorer(series)
    explorer.close()
    assert explorer._work.pending == 0


def test_models_run_on_the_workers_thread_only(series, monkeypatch) -> None:
    threads = set()

    def record(original):
        def recorded(*args):
            threads.add(threading.current_thread().name)
            yield from original(*args)

        return recorded

    monkeypatch.setattr(OnePass, "steps", record(OnePass.steps))
    monkeypatch.setattr(SeriesSession, "score", record(SeriesSession.score))
    InductionExplorer(series).wait()
    assert threads == {"induction-explorer"}


def test_checkpoints_around_the_readers_are_computed_first(series, monkeypatch) -> None:
    done: dict[str, list[int]] = {"score": [], "measure": [], "_compute": []}

    def record(cls: type, name: str, place: int) -> None:
        original = getattr(cls, name)

        def recorded(*args):
            done[name].append(args[place])
            yield from original(*args)

        monkeypatch.setattr(cls, name, recorded)

    record(SeriesSession, "score", 1)
    record(SeriesSession, "measure", 1)
    record(Answering, "_compute", 3)
    InductionExplorer(series, checkpoint=2).wait()
    assert list(done.values()) == [[2, 1, 3, 0]] * 3


@pytest.mark.slow
def test_a_process_may_end_while_it_computes() -> None:
    script = (
        "from induction_explorer import InductionExplorer, load_demo\n"
        "explorer = InductionExplorer(load_demo('attn-only-2l'))\n"
        "assert explorer._work.pending\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
def test_losses_can_be_measured_on_texts_of_ones_own(series) -> None:
    texts = ["def f(x):\n    return x\n" * 20, "class A:\n    pass\n" * 20]
    explorer = InductionExplorer(series, texts=texts)
    explorer.wait()
    expected = measures(series.replica(), texts, progress=False)
    sent = explorer._measures["0/loss"]
    found = array(sent)
    assert found == pytest.approx(expected["loss"].values, rel=1e-5)
    assert "2 texts of your own" in explorer._measured_on[0]
    with pytest.raises(ProbeError, match="No texts"):
        InductionExplorer(series, texts=[])
    short = InductionExplorer(series, texts=torch.arange(40).reshape(2, 20))
    short.wait()
    assert "late is position 9, early 0" in short._measured_on[0]


def test_a_new_prompt_and_a_new_answer_are_one_run(explorer) -> None:
    def runs() -> int:
        return explorer._prompts[0]["generation"]

    assert runs() == 1
    explorer._requests.receive(
        {"id": "1", "kind": "prompt", "text": "the mat", "answer": " sat"}, lambda *_: None
    )
    assert (explorer.prompt, explorer.answer, runs()) == ("the mat", " sat", 2)
    explorer.view = explorer.view | {"prompt": "the cat sat", "answer": " on"}
    assert (explorer.prompt, explorer.answer, runs()) == ("the cat sat", " on", 3)
    explorer.answer = " cat"
    assert (explorer._prompts[0]["answer"][:2], runs()) == (" c", 4)
    with pytest.raises(TraitError, match="The prompt is empty"):
        explorer.view = explorer.view | {"prompt": "", "answer": " mat"}
    assert (explorer.prompt, explorer.answer, runs()) == ("the cat sat", " cat", 4)


@pytest.mark.parametrize("context", [9, 16, 40, 63, 64, 110])
def test_any_context_has_a_prompt_to_begin_with(tokenizer, context) -> None:
    """The tokenizer reads most texts letter by letter: what fits is no matter of their words."""
    explorer = InductionExplorer(as_model(bridge(n_ctx=context), tokenizer))
    explorer.wait()
    assert explorer._prompts[0]["error"] is None
    assert len(explorer._prompts[0]["tokens"]) <= context
    assert explorer._status["error"] is None
    ((body, _),) = Page(explorer).ask("predictions", checkpoints=[0])
    assert body["done"]


def test_where_no_widget_is_drawn_it_says_what_to_do(explorer) -> None:
    bundle = explorer._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/plain"] == "Run this cell again to see the explorer of small."
    assert any("widget-view" in kind for kind in data)


def test_what_was_held_is_told_under_the_lock_that_results_come_with(explorer) -> None:
    owned: list[bool] = []
    explorer.observe(lambda _: owned.append(SHARED._is_owned()), "prompt")
    with explorer.hold_trait_notifications():
        explorer.prompt = "the mat"
    assert owned == [True]
