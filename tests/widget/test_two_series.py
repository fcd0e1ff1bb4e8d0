"""Two series of different models on one page: each with its own scores, and what a change keeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from induction_explorer import CheckpointSeries, InductionExplorer
from induction_kernels import as_model
from induction_kernels.checkpoints.memory import MemorySource
from induction_kernels.checkpoints.source import Checkpoint
from small_models import bridge, variants
from traitlets import TraitError


@pytest.fixture
def two(series) -> Iterator[InductionExplorer]:
    """`small`, and a model without a tokenizer and with a context of its own."""
    bare = CheckpointSeries.single(as_model(bridge(n_ctx=24)))
    widget = InductionExplorer([series, bare], prompt="the cat sat")
    yield widget
    widget.close()


def info(explorer: InductionExplorer, series: int, score: str) -> dict[str, object]:
    return next(each for each in explorer._scores[series] if each["name"] == score)


def test_every_series_has_its_own_scores_whoever_chose_it(two) -> None:
    told = two._scores
    assert info(two, 0, "induction")["chance"] != info(two, 1, "induction")["chance"]
    two.series = 1
    assert two._scores == told
    two.set_state({"series": 0, "checkpoint": 3, "heads": []})  # by the page
    assert two._scores == told
    for series, session in enumerate(two._sessions):
        offered = [each["name"] for each in two._scores[series]]
        assert offered == [score.name for score in session.scorer.scores]


def test_a_score_that_the_new_series_lacks_gives_way_to_one_that_it_has(two) -> None:
    two.score = "entropy"
    two.series = 1
    assert two.score == "induction"
    two.set_state({"series": 0, "checkpoint": 3, "score": "entropy", "heads": []})
    assert two.score == "entropy"
    two.set_state({"series": 1, "checkpoint": 0, "score": "previous_token", "heads": []})
    assert two.score == "previous_token"
    two.series = 0
    assert two.score == "previous_token"  # which both have


def test_a_score_that_the_series_lacks_is_refused_with_the_reason(two) -> None:
    two.series = 1
    with pytest.raises(TraitError, match=r"not measured in .* no tokenizer.* may be induction"):
        two.score = "entropy"
    assert two.score == "induction"


def test_checkpoints_brushed_in_one_series_are_not_those_of_another(two) -> None:
    two.set_state({"_view": {"brush": [1, 2], "tab": "loss"}})
    two.series = 1
    assert two.view["brush"] is None
    assert two.view["tab"] == "loss"


def run_of(tokenizer, *checkpoints: tuple[int, int | None], name: str = "run") -> CheckpointSeries:
    """A series with these steps and tokens seen."""
    model = bridge()
    weights = variants(model, len(checkpoints))
    source = MemorySource(model, weights, None, None, tokenizer, name)
    source.checkpoints = [Checkpoint(*each) for each in checkpoints]
    return CheckpointSeries(source)


@pytest.mark.parametrize(
    ("there", "nearest"),
    [
        ([(1, 400), (500, 5100)], 1),  # by tokens, which all know
        ([(12, 6000), (500, None)], 0),  # by steps: 490 of them are more than 2
        ([(12, None), (500, None)], 0),
    ],
)
def test_the_nearest_checkpoint_is_found_in_one_unit(tokenizer, there, nearest) -> None:
    here = run_of(tokenizer, (10, 5000), (100, 50_000))
    explorer = InductionExplorer([here, run_of(tokenizer, *there)], checkpoint=0)
    explorer.series = 1
    assert explorer.checkpoint == nearest


def strings(value: object) -> Iterator[str]:
    """Every text inside of a trait or a message."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for each in pair for text in strings(each))
    elif isinstance(value, list | tuple):
        yield from (text for each in value for text in strings(each))


@pytest.mark.slow
def test_equal_names_are_told_apart(tokenizer) -> None:
    three = [run_of(tokenizer, (0, 0), (10, 500)) for _ in range(3)]
    explorer = InductionExplorer(three)
    assert [info["name"] for info in explorer._series] == ["run", "run (2)", "run (3)"]
    assert [series.name for series in three] == ["run"] * 3
    explorer.wait()
    assert [info["name"] for info in explorer._series] == ["run", "run (2)", "run (3)"]


def test_no_name_breaks_a_message_or_turns_a_sentence_around(tokenizer) -> None:
    """The name of a folder that is no UTF-8 has halves of surrogate pairs."""
    name = "run\u202e\u2067\x1b\udc80evil"
    marks = set(name) - set("runevil")
    one = run_of(tokenizer, (0, 0), (10, 500), name=name)
    other = CheckpointSeries.single(as_model(bridge()))
    other._source.name = name
    explorer = InductionExplorer([one, other])
    explorer.wait()
    answers: list[dict[str, object]] = []
    for request in (
        {"kind": "prompt", "text": "the cat " * 400, "answer": ""},
        {"kind": "patterns", "series": 0, "generation": 1, "head": [9, 9], "checkpoints": [0]},
        {"kind": "wiring", "series": 0, "head": [1, 1], "checkpoints": [77]},
    ):
        explorer._requests.receive({"id": "r", **request}, lambda body, *_: answers.append(body))
    assert len(answers) == 3
    assert all("error" in answer for answer in answers)
    explorer.set_state({"checkpoint": 99})
    state = explorer.get_state([key for key in explorer.keys if key not in ("_esm", "_module")])
    told = [*strings(state), *strings(answers)]
    assert sum("run\\" in text for text in told) >= 5
    for text in told:
        assert not marks & set(text)
    with pytest.raises(TraitError, match=r"run\\") as refused:
        explorer.checkpoint = 99
    assert not marks & set(str(refused.value))
