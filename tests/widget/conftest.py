"""An explorer over four checkpoints of a small model, and the messages it would send."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from induction_explorer import CheckpointSeries, InductionExplorer
from induction_explorer.series.session import SeriesSession
from leftovers import nothing_left
from small_models import bridge, variants


@pytest.fixture(autouse=True, scope="module")
def _module_leaves_nothing() -> Iterator[None]:
    with nothing_left():
        yield


@pytest.fixture(autouse=True)
def _test_leaves_nothing(_module_leaves_nothing) -> Iterator[None]:
    with nothing_left():
        yield


@pytest.fixture(autouse=True)
def _little_text(_test_leaves_nothing, monkeypatch) -> None:
    """Losses on few rows: what they are does not matter here, and they are the slowest part."""
    monkeypatch.setattr("induction_explorer.series.budget.ROWS", 16)


@pytest.fixture
def series(tokenizer) -> CheckpointSeries:
    return _small(tokenizer)


@pytest.fixture(scope="module")
def computed(tokenizer) -> CheckpointSeries:
    """The same for all tests of a file: what one explorer had computed, the next one has."""
    return _small(tokenizer)


@pytest.fixture(scope="module")
def held() -> list[SeriesSession]:
    """What nobody holds is computed again."""
    return []


@pytest.fixture
def explorer(computed, held) -> Iterator[InductionExplorer]:
    """All there is to compute unasked is computed."""
    widget = InductionExplorer(computed, prompt="the cat sat on the cat")
    held[:] = widget._sessions
    widget.wait()
    yield widget
    widget.close()


def _small(tokenizer) -> CheckpointSeries:
    model = bridge()
    return CheckpointSeries.from_state_dicts(
        model,
        variants(model),
        steps=[0, 10, 100, 1000],
        tokens=[0, 5000, 50_000, 500_000],
        tokenizer=tokenizer,
        name="small",
    )
