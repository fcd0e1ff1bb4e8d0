"""Scores and measures reach a page whole and in messages that fit, and each row once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from front_end import MAX_MESSAGE, FrontEnd, connected
from induction_explorer import CheckpointSeries, InductionExplorer, bundle
from induction_explorer.channel.worker import SHARED
from induction_explorer.series import curves
from induction_explorer.series.derived import UNKNOWN, Findings
from induction_explorer.series.session import SeriesSession
from induction_kernels.losses.measure import MEASURES
from made_up import Many
from wire_page import Page

POSITIONS = 127


def row(checkpoint: int, array: np.ndarray) -> np.ndarray:
    return np.full(array.shape[1:], checkpoint / 7, np.float32)


def score(session: SeriesSession, checkpoint: int, then: int | None = None) -> Iterator[None]:
    yield from ()
    for grid in session.grids.values():
        grid[checkpoint] = row(checkpoint, grid)
    session._scored.add(checkpoint)


def measure(session: SeriesSession, checkpoint: int, then: int | None = None) -> Iterator[None]:
    yield from ()
    measured = session.measured
    if not measured.on:
        sizes = {"checkpoint": len(session.series), "position": POSITIONS, "row": 16}
        measured._on, measured.positions = "numbers of chance", np.arange(POSITIONS)
        measured.arrays = {
            one.name: np.full([sizes[dim] for dim in one.dims], np.nan, np.float32)
            for one in MEASURES.values()
        }
    for values in measured.arrays.values():
        values[checkpoint] = row(checkpoint, values)
    measured._known.add(checkpoint)


def find(findings: Findings) -> None:
    findings.phases = [UNKNOWN for _ in findings._sessions]


@pytest.fixture
def front_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[FrontEnd]:
    """Of explorers whose numbers are made up in no time, and told one by one."""
    monkeypatch.setattr(SeriesSession, "score", score)
    monkeypatch.setattr(SeriesSession, "measure", measure)
    monkeypatch.setattr(Findings, "find", find)
    monkeypatch.setattr("induction_explorer.series.budget.PARAMETER_PASSES", 0)  # no prompt ahead
    monkeypatch.setattr(curves, "TELL_EVERY", 0)
    bundle.module()
    with connected(monkeypatch) as page:
        yield page


def computed(count: int, name: str = "many") -> tuple[CheckpointSeries, SeriesSession]:
    """A series that everything is known of, as after a sweep."""
    from induction_explorer.series.session import session_of

    series = CheckpointSeries(Many(count, name))
    session = session_of(series)
    for checkpoint in range(count):
        list(score(session, checkpoint))
        list(measure(session, checkpoint))
    return series, session


def told(page: FrontEnd, of: str, name: str) -> dict[int, np.ndarray]:
    """Rows by checkpoint; one that comes twice is a fault."""
    found: dict[int, np.ndarray] = {}
    for body, arrays in page.news:
        if body["of"] == of:
            for checkpoint, values in zip(body["checkpoints"], arrays[name], strict=True):
                assert checkpoint not in found
                found[checkpoint] = values
    return found


def sweep(page: FrontEnd, count: int) -> InductionExplorer:
    explorer = InductionExplorer(CheckpointSeries(Many(count)))
    explorer.wait()
    return explorer


def test_bytes_of_a_sweep_grow_as_its_checkpoints_do(front_end: FrontEnd) -> None:
    sent = []
    for count in (1, 31, 61, 121):
        before = sum(front_end.sizes)
        sweep(front_end, count)
        sent.append(sum(front_end.sizes) - before)
    first, second, third = np.diff(sent)
    print(f"\nbytes for 30, 30 and 60 checkpoints more: {first:,} {second:,} {third:,}")
    assert second == pytest.approx(first, rel=0.1)
    assert third == pytest.approx(2 * first, rel=0.1)


def test_each_row_is_told_once_and_the_state_has_all_in_the_end(front_end: FrontEnd) -> None:
    explorer = sweep(front_end, 12)
    session = explorer._sessions[0]
    assert [body["number"] for body, _ in front_end.news] == list(range(1, len(front_end.news) + 1))
    for of, arrays in (("grids", session.grids), ("measures", session.measured.arrays)):
        kept = front_end.arrays(explorer.model_id, f"_{of}")
        for name, values in arrays.items():
            if name == "token_loss":
                assert f"0/{name}" not in kept
                continue
            rows = told(front_end, of, name)
            assert len(rows) >= 10  # the last comes with the whole
            assert all(np.array_equal(values[i], found) for i, found in rows.items())
            assert np.array_equal(kept[f"0/{name}"], values)
    assert front_end.states[explorer.model_id]["_told"] == len(front_end.news)


def test_a_page_that_is_loaded_in_the_middle_has_what_is_known_by_then(front_end: FrontEnd) -> None:
    with SHARED:  # nothing else is computed
        explorer = InductionExplorer(CheckpointSeries(Many(8)))
        for checkpoint in (7, 5):
            list(score(explorer._sessions[0], checkpoint))
            list(measure(explorer._sessions[0], checkpoint))
        small = explorer.get_state()
        assert not {"_grids", "_measures", "_series", "_told"} & set(small)
        explorer._handle_custom_msg({"id": "state", "kind": "state"}, [])
        for of, name in (("grids", "induction"), ("measures", "loss")):
            kept = front_end.arrays(explorer.model_id, f"_{of}")[f"0/{name}"]
            assert np.flatnonzero(np.isfinite(kept.reshape(8, -1)).any(1)).tolist() == [5, 7]
        assert front_end.states[explorer.model_id]["_told"] == len(front_end.news)
        embedded = explorer._get_embed_state()["state"]
        assert embedded["_measured_on"] == ["numbers of chance"]


def test_why_a_checkpoint_failed_is_told_with_its_row(
    front_end: FrontEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(session: SeriesSession, checkpoint: int, then: int | None = None) -> Iterator[None]:
        yield from ()
        session.faults = session.faults | {checkpoint: f"no {checkpoint}"}
        session._scored.add(checkpoint)

    monkeypatch.setattr(SeriesSession, "score", fail)
    explorer = sweep(front_end, 4)
    faults: dict[str, str] = {}
    for body, _ in front_end.news:
        if body["of"] == "grids":
            assert set(body["faults"]) == set(map(str, body["checkpoints"]))
            faults |= body["faults"]
    assert len(faults) == 3
    assert faults.items() <= front_end.states[explorer.model_id]["_series"][0]["faults"].items()


@pytest.mark.parametrize("count", [1, 3])
def test_no_message_of_1500_checkpoints_is_too_large(front_end: FrontEnd, count: int) -> None:
    known = [computed(1500, f"many {i}") for i in range(count)]
    explorer = InductionExplorer([series for series, _ in known])
    explorer.wait()
    explorer._handle_custom_msg({"id": "state", "kind": "state"}, [])  # a page that is loaded again
    print(f"\nlargest of {count} x 1500 checkpoints: {max(front_end.sizes):,}")
    assert max(front_end.sizes) <= MAX_MESSAGE
    page = Page(explorer)
    left_out = 0
    for number, (_, session) in enumerate(known):
        for of, arrays in (("grids", session.grids), ("measures", session.measured.arrays)):
            kept = front_end.arrays(explorer.model_id, f"_{of}")
            for name, values in arrays.items():
                key = f"{number}/{name}"
                if name == "token_loss":
                    continue
                if key not in kept:
                    left_out += 1
                    asked = {"of": of, "name": name, "checkpoints": list(range(1500))}
                    ((body, found),) = page.ask("rows", series=number, **asked)
                    assert body["checkpoints"] == asked["checkpoints"]
                    assert np.array_equal(found["rows"], values)
                    header = front_end.states[explorer.model_id][f"_{of}"][key]
                    assert header == {
                        "dtype": "float32",
                        "shape": list(values.shape),
                        "data": None,
                    }
                else:
                    assert np.array_equal(kept[key], values)
    assert left_out > 0
    assert f"{number}/loss" in front_end.arrays(explorer.model_id, "_measures")


def test_the_score_that_is_shown_has_room_first(
    front_end: FrontEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves, "GRIDS", 2 * 4 * 8)
    explorer = InductionExplorer(CheckpointSeries(Many(8)), score="first_token")
    explorer.wait()
    assert set(front_end.arrays(explorer.model_id, "_grids")) == {"0/first_token"}
    assert set(explorer._grids) == {f"0/{name}" for name in explorer._sessions[0].grids}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"series": 3}, "There is no series 3"),
        ({"of": "sums"}, "must be 'grids' or 'measures'"),
        ({"name": "inductoin"}, "no 'inductoin' among the grids of many"),
        ({"checkpoints": [4]}, "There is no checkpoint 4 in many"),
        ({"checkpoints": [-1]}, "a whole number from 0"),
    ],
)
def test_rows_that_do_not_exist_are_named(
    front_end: FrontEnd, asked: dict[str, Any], said: str
) -> None:
    explorer = sweep(front_end, 4)
    good = {"of": "grids", "name": "induction", "checkpoints": [0]}
    ((reply, _),) = Page(explorer).ask("rows", **(good | asked))
    assert said in f"{reply['error']['message']} {reply['error']['hint']}"


def test_rows_that_are_not_computed_are_left_out_of_the_answer(front_end: FrontEnd) -> None:
    with SHARED:
        explorer = InductionExplorer(CheckpointSeries(Many(4)))
        list(score(explorer._sessions[0], 2))
        page = Page(explorer)
        asked = {"id": "r1", "kind": "rows", "series": 0, "of": "grids", "name": "induction"}
        explorer._requests.receive(asked | {"checkpoints": [3, 2, 1]}, page.send)
        ((body, found),) = page.parts("r1")
    assert body["checkpoints"] == [2]
    assert np.array_equal(found["rows"], explorer._sessions[0].grids["induction"][[2]])
