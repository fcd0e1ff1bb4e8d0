"""Prompts that a store keeps, shown without a model."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import traitlets
from induction_explorer import InductionExplorer, sweep
from induction_explorer.series import following
from patience import until
from wire_page import Page

TEXT, ANSWER = "the cat sat on the cat", " sat"
OTHER = "the mat the mat"


@pytest.fixture
def place(series, tmp_path) -> Path:
    where = tmp_path / "x.zarr"
    sweep(series, "induction", store=where, prompts=[(TEXT, ANSWER), OTHER], progress=False)
    return where


@pytest.fixture
def kept(place) -> Iterator[InductionExplorer]:
    explorer = InductionExplorer.from_store(place)
    explorer.wait()
    yield explorer
    explorer.close()


SCRIPT = """
import sys
from induction_explorer import InductionExplorer
explorer = InductionExplorer.from_store({place!r})
explorer.wait(60)
got = []
for kind, more in {asked!r}.items():
    generation = explorer._prompts[0]["generation"]
    asked = dict(id="1", kind=kind, series=0, checkpoints=[0, 3], generation=generation)
    explorer._requests.receive(asked | more, lambda body, buffers=None: got.append(body))
assert [one["done"] for one in got] == [True] * {count}, got
explorer.prompt, explorer.answer = {other!r}, ""
explorer.close()
print(*sorted({{"torch", "transformers", "transformer_lens", "safetensors"}} & set(sys.modules)))
"""
QUESTIONS = {
    "patterns": {"head": [1, 2]},
    "attention": {"head": [1, 2], "first": 2, "last": 4},
    "attended": {"token": 1},
    "predictions": {},
}


@pytest.mark.slow
def test_nothing_that_computes_is_imported(series, tmp_path) -> None:
    place = tmp_path / "x.zarr"
    sweep(series, "induction", store=place, prompts=[TEXT, OTHER], progress=False)
    script = SCRIPT.format(place=str(place), asked=QUESTIONS, count=len(QUESTIONS), other=OTHER)
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr[-2000:]
    assert found.stdout.split() == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", QUESTIONS)
def test_it_answers_as_an_explorer_with_the_model(series, kept, kind) -> None:
    live = InductionExplorer(series, prompt=TEXT, answer=ANSWER)
    live.wait()
    of_prompt = [
        {name: one for name, one in info.items() if name not in {"generation", "scrub"}}
        for info in (kept._prompts[0], live._prompts[0])
    ]
    assert of_prompt[0] == of_prompt[1]
    (stored, arrays), *rest = Page(kept).ask(kind, checkpoints=[0, 3], **QUESTIONS[kind])
    assert rest == []
    parts = Page(live).ask(kind, checkpoints=[0, 3], **QUESTIONS[kind])
    for name, values in arrays.items():
        of_live = np.concatenate([found[name] for _, found in parts])
        order = np.argsort([i for body, _ in parts for i in body["checkpoints"]])
        np.testing.assert_array_equal(values, of_live[order])
    if kind == "predictions":
        tokens = {key: text for body, _ in parts for key, text in body["tokens"].items()}
        assert stored["tokens"] == tokens
    live.close()


def test_it_begins_with_the_first_and_shows_the_others(kept) -> None:
    assert (kept.prompt, kept.answer) == (TEXT, ANSWER)
    assert kept._series[0]["kept_prompts"] == [[TEXT, ANSWER], [OTHER, ""]]
    assert kept._prompts[0]["scrub"]
    Page(kept).ask("prompt", text=OTHER, answer="")
    assert "".join(kept._prompts[0]["tokens"][1:]) == OTHER
    assert (kept.prompt, kept.answer) == (OTHER, "")


def test_a_prompt_that_is_not_kept_is_refused_and_changes_nothing(kept) -> None:
    with pytest.raises(traitlets.TraitError, match=f"does not keep.*It keeps '{TEXT}' and ' sat'"):
        kept.prompt = "something else"
    assert (kept.prompt, kept.answer) == (TEXT, ANSWER)


def test_what_was_not_kept_needs_a_model(kept) -> None:
    replies: list = []
    asked = {"kind": "wiring", "series": 0, "checkpoints": [1], "head": [1, 0]}
    kept._requests.receive({"id": "1", **asked}, lambda reply, *_: replies.append(reply))
    assert replies[0]["error"] == {
        "message": "This needs a model: InductionExplorer(series).",
        "hint": "small was opened from a store, which holds scores, losses and prompts.",
    }


def test_prompts_that_come_later_are_shown(series, tmp_path, monkeypatch) -> None:
    """A store without any gets its first; one that has some gets more checkpoints of them."""
    monkeypatch.setattr(following, "LOOK_EVERY", 0.05)
    place = tmp_path / "x.zarr"
    sweep(series, "induction", store=place, progress=False)
    explorer = InductionExplorer.from_store(place)
    assert explorer._prompts[0]["error"]["message"].startswith("This needs a model")
    sweep(series.select([1]), "induction", store=place, prompts=TEXT, progress=False)
    until(lambda: explorer.prompt == TEXT)
    until(lambda: explorer._series[0]["kept_prompts"] == [[TEXT, ""]])
    page = Page(explorer)
    (first, _), (second, _) = page.ask("patterns", head=[1, 0], checkpoints=[0, 1])
    assert first["checkpoints"] == [1]
    assert "keeps nothing of this prompt at step 0 (yet)" in second["error"]["message"]
    before = explorer._prompts[0]["generation"]
    sweep(series, "induction", store=place, prompts=TEXT, progress=False)

    def has_all() -> bool:
        ((body, _), *errors) = page.ask("patterns", head=[1, 0], checkpoints=[0, 1, 2, 3])
        return body.get("checkpoints") == [0, 1, 2, 3] and errors == []

    until(has_all)
    until(lambda: explorer._prompts[0]["generation"] > before)  # who was refused asks again
    explorer.close()
