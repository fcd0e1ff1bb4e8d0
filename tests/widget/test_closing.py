"""What is watched comes first, and nothing inside of an explorer keeps it."""

from __future__ import annotations

import gc
import time
import weakref
from typing import Any

import pytest
from induction_explorer import CheckpointSeries, InductionExplorer
from induction_explorer.channel.worker import SHARED
from ipywidgets.widgets.widget import _instances
from small_models import bridge, variants
from traitlets import TraitError


def series_of(tokenizer: Any, name: str, layers: int) -> CheckpointSeries:
    model = bridge(n_layers=layers)
    return CheckpointSeries.from_state_dicts(model, variants(model), tokenizer=tokenizer, name=name)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["displayed", "waited for"])
def test_what_is_watched_is_computed_first(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    done: list[str] = []
    from induction_explorer.series.session import SeriesSession

    for name in ("score", "measure"):
        original = getattr(SeriesSession, name)

        def record(session: Any, *args: Any, original: Any = original) -> Any:
            done.append(session.name)
            yield from original(session, *args)

        monkeypatch.setattr(SeriesSession, name, record)
    with SHARED:
        unseen = InductionExplorer(series_of(tokenizer, "unseen", 1))
        seen = InductionExplorer(series_of(tokenizer, "seen", 3))
        if how == "displayed":
            seen._repr_mimebundle_()
    if how == "waited for":
        seen.wait()
    while seen._work.pending:
        time.sleep(0.01)
    unseen.wait()
    first = 0 if how == "displayed" else done.index("seen")
    assert done[first : first + 8] == ["seen"] * 8
    unseen.close()
    seen.close()


def test_nothing_inside_of_an_explorer_keeps_it(series: CheckpointSeries) -> None:
    def use() -> weakref.ref[InductionExplorer]:
        explorer = InductionExplorer(series)
        request = {"id": "a", "kind": "patterns", "series": 0, "generation": 1}
        everything = {"head": [0, 0], "checkpoints": [0, 1, 2, 3]}
        explorer._handle_custom_msg(request | everything, [])
        explorer.set_state({"checkpoint": 77})
        with pytest.raises(TraitError):
            explorer.prompt = ""
        del _instances[explorer.model_id]
        return weakref.ref(explorer)

    use()  # what is imported with the first model keeps frames until they are collected
    gc.collect()
    gc.disable()
    try:
        with SHARED:
            explorer = use()
            assert explorer() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("ending", [True, False])
def test_the_end_of_the_process_closes_nothing(series: CheckpointSeries, ending: bool) -> None:
    """Modules are taken apart by then, and closing would complain about each explorer."""
    explorer = InductionExplorer(series)
    explorer.__del__(lambda: ending)
    assert (explorer.comm is not None) == ending
    explorer.close()
