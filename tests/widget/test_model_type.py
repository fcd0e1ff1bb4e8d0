"""The traits of the widget and the TypeScript type that mirrors them have the same names."""

from __future__ import annotations

import re
from pathlib import Path

from induction_explorer import InductionExplorer
from ipywidgets import DOMWidget

TYPE = Path(__file__).parents[2] / "js" / "src" / "model.ts"


def fields(interface: str) -> set[str]:
    body = re.search(rf"export interface {interface} \{{(.*?)\n\}}", TYPE.read_text(), re.S)
    assert body, f"{interface} is not declared in {TYPE}"
    return set(re.findall(r"^  (\w+)\??:", body[1], re.M))


def test_every_synced_trait_is_declared_and_nothing_else() -> None:
    ours = set(InductionExplorer.class_traits(sync=True)) - set(DOMWidget.class_traits(sync=True))
    assert ours - {"_esm", "_css", "_anywidget_id"} == fields("ExplorerModel")


def test_what_js_writes_is_not_echoed() -> None:
    written = {"checkpoint", "compare", "score", "heads", "series"}
    silent = set(InductionExplorer.class_traits(sync=True, echo_update=False))
    assert silent == written


def test_the_dictionaries_inside_have_the_declared_fields(explorer) -> None:
    assert set(explorer._series[0]) == fields("SeriesInfo")
    assert set(explorer._scores[0]) == fields("ScoreInfo")
    assert set(explorer._measure_infos[0]) == fields("MeasureInfo")
    assert set(explorer._prompts[0]) == fields("PromptInfo")
    assert set(explorer._status) == fields("Status")
    assert set(explorer._grids["0/induction"]) == fields("Envelope")
