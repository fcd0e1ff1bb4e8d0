"""A constructor that raises leaves nothing behind: no comm, no widget, no task, no thread."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import comm
import numpy as np
import pytest
import torch
from induction_explorer import CheckpointSeries, InductionExplorer, bundle, explorer, lifetime
from induction_explorer.channel import work
from induction_explorer.channel.work import Work
from ipywidgets.widgets.widget import _instances
from leftovers import living, tasks, until_idle
from traitlets import TraitError

WRONG: dict[str, tuple[Callable[[CheckpointSeries], Any], type[Exception], str]] = {
    "a name that does not exist": (
        lambda series: InductionExplorer(series, promt="x"), TypeError, "no argument 'promt'"
    ),
    "no model": (lambda series: InductionExplorer([]), TypeError, "empty list"),
    "a model that cannot be read": (
        lambda series: InductionExplorer(torch.nn.Linear(2, 2)), TypeError, "Linear has neither"
    ),
    "a model that cannot be read, after one that can": (
        lambda series: InductionExplorer([series, torch.nn.Linear(2, 2)]),
        TypeError,
        "Linear has neither",
    ),
    "no texts": (lambda series: InductionExplorer(series, texts=[]), ValueError, "No texts"),
    **{
        f"{name}={value!r}": (
            lambda series, name=name, value=value: InductionExplorer(series, **{name: value}),
            TraitError,
            said,
        )
        for name, value, said in [
            ("series", 1, "series is 1"),
            ("checkpoint", 7, "checkpoint is 7"),
            ("checkpoint", "last", "expected an int"),
            ("compare", -1, "compare is -1"),
            ("score", "inductoin", "does not exist"),
            ("heads", [[0, 9]], "each must be"),
            ("heads", 3, "expected a list"),
            ("prompt", "", "The prompt is empty"),
            ("answer", 3, "expected a unicode string"),
            ("view", {"tap": "loss"}, "view has 'tap'"),
            ("view", {"x_scale": "cubic"}, "must be 'log' or 'linear'"),
            ("view", {"checkpoint": 7}, "checkpoint is 7"),
            ("view", {"prompt": ""}, "The prompt is empty"),
            ("view", {"series": 1}, "series is 1"),
            ("view", 3, "view is 3"),
        ]
    },
}  # fmt: skip


def comms() -> set[str]:
    return set(comm.get_comm_manager().comms)


@pytest.fixture
def _nothing_stays() -> Iterator[None]:
    """All that there was before a test, and nothing else, is there after it."""
    open_before, widgets, explorers = comms(), dict(_instances), living()
    yield
    gc.collect()
    assert comms() == open_before
    assert dict(_instances) == widgets
    assert living() == explorers
    assert not tasks()


@pytest.mark.parametrize("given", WRONG)
@pytest.mark.usefixtures("_nothing_stays")
def test_what_is_given_is_checked_before_anything_begins(
    given: str, series: CheckpointSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, kind, said = WRONG[given]

    def begin(*_: Any) -> None:
        raise AssertionError("something began")

    monkeypatch.setattr(work, "shared_worker", begin)
    monkeypatch.setattr(bundle, "_module", None)
    threads = set(threading.enumerate())
    with pytest.raises(kind, match=said):
        make(series)
    assert set(threading.enumerate()) <= threads


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (bundle, "contents"),
        (comm, "create_comm"),
        (explorer, "handle_where_addressed"),
        (Work, "submit"),
        (lifetime, "begin"),
    ],
)
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_whatever_goes_wrong_on_the_way_is_undone(
    where: Any,
    name: str,
    error: type[BaseException],
    series: CheckpointSeries,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Among them the reader who stops the cell."""
    bundle.module()  # stays, for the next
    if where is bundle:
        monkeypatch.setattr(bundle, "_module", None)
    request.getfixturevalue("_nothing_stays")

    def fail(*_: Any, **__: Any) -> None:
        raise error("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(where, name, fail)
        with pytest.raises(error, match="in the middle"):
            InductionExplorer(series)
    until_idle()


def test_after_a_refusal_the_next_one_is_as_if_nothing_had_been(series: CheckpointSeries) -> None:
    with pytest.raises(TraitError):
        InductionExplorer(series, view={"checkpoint": 7})
    made = InductionExplorer(series, view={"checkpoint": 1, "tab": "scatter"})
    assert (made.checkpoint, made.view["tab"]) == (1, "scatter")
    made.wait()
    assert made._status["state"] == "ready"


def test_a_view_is_a_beginning_like_any_other(series: CheckpointSeries) -> None:
    """It chooses the series that everything else begins with, and its prompt its own answer."""
    shorter = series.select([0, 1])
    made = InductionExplorer([series, shorter], view={"series": 1, "prompt": "the cat sat"})
    assert (made.series, made.checkpoint) == (1, 1)
    assert (made.prompt, made.answer) == ("the cat sat", "")
    again = InductionExplorer([series, shorter], view=made.view, checkpoint=0)
    assert again.view == made.view


def test_heads_to_begin_with_may_come_from_numpy(series: CheckpointSeries) -> None:
    made = InductionExplorer(series, heads=[np.unravel_index(6, (2, 4))])
    assert made.heads == [[1, 2]]


def test_a_clone_that_was_not_built_says_how_to_build_it(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(bundle, "_STATIC", tmp_path)
    with pytest.raises(ImportError, match=r"loader\.js is missing\. .+ `make build`") as refused:
        bundle.loader()
    assert str(tmp_path) in str(refused.value)
