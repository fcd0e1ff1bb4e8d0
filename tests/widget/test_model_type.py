"""The traits of the widget and the TypeScript type that mirrors them have the same names."""

from __future__ import annotations

import numpy as np
from declared import fields, required
from induction_explorer import InductionExplorer
from induction_explorer.channel.wire import envelope_unless_unknown
from induction_explorer.view import ARRANGED
from ipywidgets import DOMWidget


def test_every_synced_trait_is_declared_and_nothing_else() -> None:
    ours = set(InductionExplorer.class_traits(sync=True)) - set(DOMWidget.class_traits(sync=True))
    assert ours - {"_esm", "_module", "_anywidget_id"} == fields("ExplorerModel")


def test_what_js_writes_is_told_to_every_page_once_it_is_checked(explorer, monkeypatch) -> None:
    written = {"checkpoint", "compare", "score", "heads", "series", "_view", "_play"}
    silent = set(InductionExplorer.class_traits(sync=True, echo_update=False))
    assert silent == written  # ipywidgets would echo before the check
    explorer.checkpoint = 2
    sent: list[dict] = []
    monkeypatch.setattr(explorer, "_send", lambda message, buffers=None: sent.append(message))
    for given, known in (
        ({"checkpoint": 1}, {"checkpoint": 1}),
        ({"checkpoint": 77}, {"checkpoint": 1}),
        ({"heads": [[0, 1], [0, 1]], "compare": 0}, {"heads": [[0, 1]], "compare": 0}),
        ({"_view": {"tab": "scatter"}}, {"_view": {"tab": "scatter"}}),
    ):
        sent.clear()
        explorer.set_state(given)
        assert [m["state"] for m in sent if m["method"] == "echo_update"] == [known]


def test_what_javascript_arranges_is_what_python_checks() -> None:
    assert set(ARRANGED) == fields("ViewState")


def test_the_dictionaries_inside_have_the_declared_fields(explorer) -> None:
    assert set(explorer._series[0]) == fields("SeriesInfo")
    assert set(explorer._scores[0][0]) == fields("ScoreInfo")
    assert set(explorer._measure_infos[0]) == fields("MeasureInfo")
    assert set(explorer._prompts[0]) == fields("PromptInfo")
    assert set(explorer._status) == fields("Status")
    assert set(explorer._grids["0/induction"]) == required("Envelope")
    assert set(envelope_unless_unknown(np.array([np.nan]))) == fields("Envelope")
