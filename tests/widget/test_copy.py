"""An explorer as one file."""

from __future__ import annotations

import base64
import gzip
import json
import re
import signal
import threading
import time
from collections.abc import Iterator
from html import unescape
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from induction_explorer import CheckpointSeries, InductionExplorer, sweep
from induction_explorer.channel.worker import soon
from induction_kernels import attention_patterns
from induction_kernels.errors import InductionError, SelectionError
from patience import PATIENCE
from wire_page import Page


def contents(text: str) -> tuple[dict, list[bytes]]:
    """What a copy holds, read by other means than those of its page."""
    packed = re.search(r'id="held">([^<]*)<', text)
    assert packed
    frame = gzip.decompress(base64.b64decode(packed[1]))
    end = 4 + int.from_bytes(frame[:4], "little")
    data, lengths, _ = json.loads(frame[4:end])
    ends = np.cumsum([end, *lengths])
    assert ends[-1] == len(frame)
    return data, [frame[start:stop] for start, stop in pairwise(ends)]


def held(text: str) -> dict[tuple, tuple[list[int], dict[str, np.ndarray], dict]]:
    """(kind, *parameters) -> checkpoints, arrays and words."""
    data, buffers = contents(text)
    buffers = buffers[len(data["buffer_paths"]) :]
    found = {}
    for one in data["answers"]:
        arrays = {
            array["name"]: np.frombuffer(buffers.pop(0), array["dtype"]).reshape(array["shape"])
            for array in one["arrays"]
        }
        key = (one["kind"], json.dumps(one["parameters"]))
        found[key] = (one["checkpoints"], arrays, one["words"])
    assert buffers == []
    return found


def test_it_holds_every_number_that_the_explorer_knows(explorer, tmp_path) -> None:
    path = explorer.to_html(tmp_path / "x.html")
    data, buffers = contents(path.read_text())
    for (trait, key, _), buffer in zip(data["buffer_paths"], buffers, strict=False):
        sent = getattr(explorer, trait)[key]
        assert buffer == bytes(sent["data"]), key
    assert {key for trait, key, _ in data["buffer_paths"] if trait == "_grids"} == set(
        explorer._grids
    )
    answers = held(path.read_text())
    for layer, head in explorer._session.every_head:
        checkpoints, arrays, _ = answers["patterns", json.dumps({"head": [layer, head]})]
        ((body, asked),) = Page(explorer).ask(
            "patterns", head=[layer, head], checkpoints=[0, 1, 2, 3]
        )
        assert checkpoints == body["checkpoints"] == [0, 1, 2, 3]
        np.testing.assert_array_equal(arrays["patterns"], asked["patterns"])
    checkpoints, arrays, words = answers["predictions", "{}"]
    ((body, asked),) = Page(explorer).ask("predictions", checkpoints=[0, 1, 2, 3])
    assert {"k": body["k"], "tokens": body["tokens"]} == words
    for name, values in asked.items():
        np.testing.assert_array_equal(arrays[name], values)


def test_what_was_computed_of_causes_is_in_it(explorer, tmp_path) -> None:
    asked = {"heads": [[1, 0]], "how": "zero", "frozen": False}
    Page(explorer).ask("ablation", checkpoints=[2], **asked)
    text = explorer.to_html(tmp_path / "x.html").read_text()
    checkpoints, arrays, _ = held(text)["ablation", json.dumps(asked)]
    assert checkpoints == [2]
    assert np.isfinite(arrays["loss_change"]).all()
    assert "ablation" in contents(text)[0]["state"]["_series"][0]["held"]


def test_it_keeps_to_its_size_and_says_what_it_leaves_out(explorer, tmp_path) -> None:
    explorer.prompt = "the cat sat on the mat " * 6
    explorer.wait()
    whole = explorer.to_html(tmp_path / "whole.html").read_text()
    assert "Left out" not in whole
    explorer.heads = [[1, 3]]
    limit = len(whole.encode()) - 8000
    small = explorer.to_html(tmp_path / "small.html", max_size=limit)
    assert small.stat().st_size <= limit
    patterns = [parameters for kind, parameters in held(small.read_text()) if kind == "patterns"]
    assert json.dumps({"head": [1, 3]}) in patterns  # the one that is looked at stays
    left = len(explorer._session.every_head) - len(patterns)
    assert 0 < left < 8
    assert f"Left out to keep the file small: the attention patterns of {left} heads." in (
        small.read_text()
    )


@pytest.mark.parametrize(
    ("size", "error", "said"),
    [
        ("1 kB", InductionError, "scores and losses alone take .* kB.*max_size=1 kB"),
        ("large", SelectionError, "max_size large was given.*500MB"),
    ],
)
def test_a_size_that_it_cannot_keep_to_is_refused(explorer, tmp_path, size, error, said) -> None:
    with pytest.raises(error, match=said):
        explorer.to_html(tmp_path / "x.html", max_size=size)
    assert not (tmp_path / "x.html").exists()


def test_a_place_that_cannot_be_written_is_said(explorer, tmp_path) -> None:
    with pytest.raises(InductionError, match=r"cannot be written: .*Give another place"):
        explorer.to_html(tmp_path / "none" / "x.html")


def test_what_else_cannot_be_read_is_not_called_a_file_that_cannot_be_written(
    explorer, tmp_path, monkeypatch
) -> None:
    def unreadable() -> str:
        raise PermissionError("copy.js")

    monkeypatch.setattr("induction_explorer.export.html._script", unreadable)
    with pytest.raises(PermissionError, match=r"copy\.js"):
        explorer.to_html(tmp_path / "x.html")
    assert list(tmp_path.iterdir()) == []


def test_nothing_in_it_asks_the_network_or_ends_its_script(explorer, tmp_path) -> None:
    text = explorer.to_html(tmp_path / "x.html").read_text()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert text.count("</script>") == 2
    assert re.findall(r'(?:src|href)="(?!data:)', text.split("<script")[0]) == []


def test_names_and_tokens_are_text_and_nothing_else(series, tmp_path, tokenizer) -> None:
    model = series.load(0)
    named = CheckpointSeries.from_state_dicts(
        model, [model.state_dict()], steps=[0], tokenizer=tokenizer,
        name="</title><script>alert(1)</script>",
    )  # fmt: skip
    explorer = InductionExplorer(named, prompt="the <script>alert(1)</script>")
    explorer.wait()
    text = explorer.to_html(tmp_path / "x.html").read_text()
    assert text.count("<script") == 2
    assert "<script>alert" not in text
    explorer.close()


def test_a_snapshot_is_the_same_page_in_a_frame(explorer, tmp_path) -> None:
    frame = explorer.snapshot()._repr_html_()
    (page,) = re.findall(r'srcdoc="([^"]*)"', frame)
    assert unescape(page) == explorer.to_html(tmp_path / "x.html").read_text()
    assert 'sandbox="allow-scripts allow-downloads"' in frame


def test_a_store_is_copied_with_the_prompt_that_it_keeps(series, tmp_path) -> None:
    place = tmp_path / "x.zarr"
    sweep(series, "induction", store=place, prompts="the cat sat", progress=False)
    explorer = InductionExplorer.from_store(place)
    explorer.wait()
    answers = held(explorer.to_html(tmp_path / "x.html").read_text())
    assert sum(kind == "patterns" for kind, _ in answers) == len(explorer._session.every_head)
    explorer.close()


def test_it_says_when_not_all_was_scored(series, tmp_path) -> None:
    explorer = InductionExplorer(series)
    explorer.wait()
    explorer._session._scored.discard(2)  # as if it were not there yet
    text = explorer.to_html(Path(tmp_path / "x.html")).read_text()
    assert "Of small 3 of 4 checkpoints were scored" in text
    explorer.close()


def test_it_waits_for_what_is_being_computed(series, tmp_path) -> None:
    explorer = InductionExplorer(series)
    text = explorer.to_html(tmp_path / "x.html").read_text()
    assert "were scored" not in text
    assert held(text)["predictions", "{}"][0] == [0, 1, 2, 3]
    explorer.close()


@pytest.fixture
def large(series, monkeypatch) -> Iterator[InductionExplorer]:
    """Of a series on which the prompt is not run unasked."""
    monkeypatch.setattr("induction_explorer.series.budget.PARAMETER_PASSES", 0)
    explorer = InductionExplorer(series, prompt="the cat sat on the cat", checkpoint=1, compare=2)
    explorer.wait()
    assert not explorer._prompts[0]["scrub"]
    yield explorer
    explorer.close()


def test_of_a_large_series_it_runs_the_prompt_first(large, series, tmp_path) -> None:
    answers = held(large.to_html(tmp_path / "x.html").read_text())
    assert answers["predictions", "{}"][0] == [0, 1, 2, 3]
    with_patterns = [key for key in answers if key[0] == "patterns"]
    assert len(with_patterns) == len(large._session.every_head)
    tokens = large._read[0].tokens
    for checkpoint in range(4):
        model = series.load(checkpoint)
        by_hand = attention_patterns(model, tokens, [(1, 2)])[0]
        lower = by_hand[*np.tril_indices(tokens.shape[1])].numpy()
        (_, arrays, _) = answers["patterns", json.dumps({"head": [1, 2]})]
        np.testing.assert_array_equal(arrays["patterns"][checkpoint], np.round(255 * lower))


def test_without_time_it_has_what_is_looked_at_and_says_what_it_lacks(large, tmp_path) -> None:
    text = large.to_html(tmp_path / "x.html", seconds=0).read_text()
    answers = held(text)
    assert answers["predictions", "{}"][0] == [1, 2]
    assert answers["patterns", json.dumps({"head": [1, 2]})][0] == [1, 2]
    assert (
        "Not computed for small, and so not in it: predictions at 2 of 4 checkpoints, attention "
        "patterns at 2 of 4 checkpoints, attributions of logits, ablations of heads, the ablation "
        "of every head, what heads attend to on text, what heads write of tokens, estimated "
        "ablations, ablations beside the estimated ones, the wiring of heads." in unescape(text)
    )


def test_a_long_prompt_has_the_patterns_of_the_selected_heads(large, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("induction_explorer.series.budget.PATTERN_BYTES", 100)
    large.heads = [[1, 1]]
    text = large.to_html(tmp_path / "x.html").read_text()
    assert [key[1] for key in held(text) if key[0] == "patterns"] == [json.dumps({"head": [1, 1]})]
    assert f"patterns of {len(large._session.every_head) - 1} heads" in text


def test_what_is_seen_first_is_thinned_before_it_is_left_out(explorer, tmp_path) -> None:
    explorer.prompt, explorer.checkpoint = "the cat sat on the mat " * 12, 1
    explorer.wait()
    sizes = range(20_000, 2_000_000, 20_000)
    text = next(filter(None, (_copy_of(explorer, tmp_path, size) for size in sizes)))
    checkpoints, _, _ = held(text)["predictions", "{}"]
    assert 1 in checkpoints
    assert len(checkpoints) < 4
    assert f"predictions at {4 - len(checkpoints)} checkpoint" in text


def _copy_of(explorer: InductionExplorer, folder: Path, size: int) -> str | None:
    """None where that is too small to hold a prediction."""
    try:
        text = explorer.to_html(folder / "x.html", max_size=size).read_text()
    except InductionError:
        return None
    return text if any(kind == "predictions" for kind, _ in held(text)) else None


def test_who_stops_it_finds_the_file_and_the_explorer_as_they_were(
    large, tmp_path, monkeypatch
) -> None:
    path = tmp_path / "x.html"
    path.write_text("before")
    began = threading.Event()

    def slowly(*_: object) -> None:
        began.set()
        time.sleep(0.1)

    monkeypatch.setattr("induction_explorer.export.completing.halving", lambda _: [0, 3] * 100)
    load = large._session.load
    monkeypatch.setattr(large._session, "load", lambda *at: (slowly(), load(*at))[1])
    stopping = threading.Thread(target=lambda: (began.wait(), signal.raise_signal(signal.SIGINT)))
    stopping.start()
    with pytest.raises(KeyboardInterrupt):
        large.to_html(path)
    stopping.join()
    assert [one.name for one in tmp_path.iterdir()] == ["x.html"]
    assert path.read_text() == "before"
    large.wait(PATIENCE)
    assert large._status["state"] == "ready"
    assert "predictions" in str(held(large.to_html(path).read_text()).keys())


def test_it_says_what_a_cell_waits_for(large, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("induction_explorer.export.waiting_line._SOON", 0)
    monkeypatch.setattr("induction_explorer.export.completing._LOOK", 0.001)
    large.to_html(tmp_path / "x.html")
    said = capsys.readouterr().err
    assert "Running the prompt on small for a copy" in said
    assert "interrupt to stop" in said
    assert said.rstrip(" ").endswith("\r")  # nothing stays


def test_a_copy_on_the_worker_has_what_is_known(large, tmp_path) -> None:
    """A function that observes a trait is called there, and cannot wait for its own thread."""
    made: list[Path] = []
    copied = threading.Event()

    def copy() -> None:
        made.append(large.to_html(tmp_path / "x.html"))
        copied.set()

    soon(copy)
    assert copied.wait(PATIENCE)
    assert held(made[0].read_text()) == {}


def test_it_has_the_answers_of_all_prompts_that_were_run(series, tmp_path) -> None:
    given = [("the cat sat on the cat", " sat"), ("A B C A B", " C"), ("one two one", "")]
    widget = InductionExplorer(series, prompts=given)
    widget.wait()  # the first, and the one beside it
    path = widget.to_html(tmp_path / "x.html")
    data, buffers = contents(path.read_text())
    pairs = [(one["prompt"], one["answer"]) for one in data["prompts"]]
    assert pairs == given[:2]
    assert data["state"]["_series"][0]["kept_prompts"] == [list(one) for one in given[:2]]
    assert "Of 3 prompts it holds the 2 that were run and fit into it." in path.read_text()
    buffers = buffers[len(data["buffer_paths"]) :]
    each = dict.fromkeys((one["_prompts"][0]["generation"] for one in data["prompts"]), 0)
    model = series.load(-1)
    for one in data["answers"]:
        arrays = [buffers.pop(0) for _ in one["arrays"]]
        if one["kind"] != "patterns":
            continue
        each[one["generation"]] += 1
        (text,) = [
            shown["prompt"]
            for shown in data["prompts"]
            if shown["_prompts"][0]["generation"] == one["generation"]
        ]
        pattern = attention_patterns(model, text, [tuple(one["parameters"]["head"])])[0].numpy()
        cells = np.frombuffer(arrays[0], "uint8").reshape(one["arrays"][0]["shape"])[-1]
        lower = pattern[np.tril_indices(len(pattern))]
        assert np.abs(cells / 255 - lower).max() < 1 / 254
    assert list(each.values()) == [len(widget._session.every_head)] * 2
    widget.close()


def test_prompts_that_do_not_fit_are_left_out_whole(series, tmp_path) -> None:
    widget = InductionExplorer(series, prompts=["the cat sat on the cat", "A B C " * 12])
    widget.wait()
    whole = widget.to_html(tmp_path / "x.html").read_text()
    size = len(whole.encode())
    text = widget.to_html(tmp_path / "y.html", max_size=size - 1000).read_text()
    assert len(contents(whole)[0]["prompts"]) == 2
    assert [one["prompt"] for one in contents(text)[0]["prompts"]] == ["the cat sat on the cat"]
    assert "Of 2 prompts it holds the 1 that were run and fit into it." in text
    assert len(text.encode()) <= size - 1000
    widget.close()
