"""An explorer that several threads touch: cells, messages of a page, the worker."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from induction_explorer import CheckpointSeries, InductionExplorer
from induction_explorer.channel.worker import SHARED

PROMPTS = ("the cat sat on the cat", "the mat", "the mat sat on the mat")
SECONDS = 1.5


@pytest.fixture(autouse=True)
def _threads_take_turns() -> Iterator[None]:
    """A thousand times as often as usual, so that what can go wrong does."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 1000)
    yield
    sys.setswitchinterval(usual)


def page(explorer: InductionExplorer, replies: list[dict], rng: random.Random) -> None:
    """What a reader does in a second, in no order, as messages."""
    requests = explorer._requests
    generation = explorer._prompts[0]["generation"]
    common = {"series": 0, "generation": generation, "checkpoints": rng.sample(range(4), 3)}
    message: dict[str, Any] = rng.choice(
        [
            {"kind": "patterns", "head": [rng.randrange(2), rng.randrange(4)]},
            {"kind": "predictions"},
            {"kind": "wiring", "head": [1, rng.randrange(4)]},
            {"kind": "rows", "of": "grids", "name": "induction"},
            {"kind": "prompt", "text": rng.choice(PROMPTS), "answer": ""},
            {"kind": "cancel"},
        ]
    )
    name = f"r{rng.randrange(10)}"
    requests.receive({"id": name} | common | message, lambda c, b=None: replies.append(c))
    explorer.set_state({"checkpoint": rng.randrange(4), "heads": [[0, rng.randrange(4)]]})


def cell(explorer: InductionExplorer, rng: random.Random) -> None:
    explorer.checkpoint = rng.randrange(4)
    explorer.score = rng.choice(["induction", "previous_token"])
    explorer.prompt = rng.choice(PROMPTS)
    explorer.view = {**explorer.view, "tab": rng.choice(["loss", "scatter"])}
    assert explorer._work.status()["state"] in ("ready", "computing")


@pytest.mark.slow
def test_cells_messages_and_results_at_once(explorer: InductionExplorer) -> None:
    raised: list[BaseException] = []
    replies: list[dict] = []
    end = time.monotonic() + SECONDS

    def hammer(do: Callable[[random.Random], None], seed: int) -> None:
        rng = random.Random(seed)
        try:
            while time.monotonic() < end:
                do(rng)
        except BaseException as error:
            raised.append(error)

    threads = [
        threading.Thread(target=hammer, args=(lambda rng: page(explorer, replies, rng), 0)),
        threading.Thread(target=hammer, args=(lambda rng: page(explorer, replies, rng), 1)),
        threading.Thread(target=hammer, args=(lambda rng: cell(explorer, rng), 2)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    explorer.wait()
    assert raised == []
    errors = {r["error"]["message"] for r in replies if "error" in r}
    assert errors <= {"The prompt has changed since this was asked for."}
    assert explorer._work.error is None
    assert explorer._requests._pending == {}
    assert explorer._status["state"] == "ready"


def test_a_cell_sets_a_trait_when_a_message_is_through(explorer: InductionExplorer) -> None:
    explorer.checkpoint = 0
    cell = threading.Thread(target=lambda: setattr(explorer, "checkpoint", 2))
    with SHARED:
        cell.start()
        cell.join(timeout=0.2)
        assert explorer.checkpoint == 0
    cell.join()
    assert explorer.checkpoint == 2


def test_made_on_a_plain_thread_it_fills_by_itself(series: CheckpointSeries) -> None:
    made: list[InductionExplorer] = []
    thread = threading.Thread(target=lambda: made.append(InductionExplorer(series)))
    thread.start()
    thread.join()
    (explorer,) = made
    end = time.monotonic() + 60
    while explorer._status["state"] != "ready" and time.monotonic() < end:
        time.sleep(0.01)
    assert explorer._status["state"] == "ready"
    assert explorer.heads != []
    explorer.close()


def test_results_come_while_a_cell_runs(series: CheckpointSeries) -> None:
    """Nobody has to give the main thread free, nor to wait."""
    explorer = InductionExplorer(series)
    end = time.monotonic() + 60
    while not explorer.heads and time.monotonic() < end:
        sum(range(1000))
    assert explorer.heads != []
    explorer.close()


def test_waiting_where_results_come_from_is_refused(series: CheckpointSeries) -> None:
    said: list[str] = []

    def wait(_change: Any) -> None:
        try:
            explorer.wait()
        except RuntimeError as error:
            said.append(str(error))

    explorer = InductionExplorer(series)
    explorer.observe(wait, "heads")
    explorer.wait(timeout=60)
    assert len(said) == 1
    assert "wait in a cell" in said[0]


def test_the_worker_survives_a_page_that_cannot_be_told(
    series: CheckpointSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer = InductionExplorer(series)
    with monkeypatch.context() as patch:
        patch.setattr(explorer, "_send", lambda *_: 1 / 0)
        explorer.wait()
    explorer.prompt = "the mat"
    explorer.wait()
    assert explorer._status["state"] in ("ready", "failed")
