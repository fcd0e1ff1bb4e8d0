"""A folder that a run is filling, while its explorer is on the page."""

from __future__ import annotations

import pytest
from notebooks import LITTLE_TEXT, SHOW, Desk, until_drawn
from playwright.sync_api import expect

#: Three checkpoints of the bundled series, as they were recorded; the others come later.
RUN = f"""\
{LITTLE_TEXT}\
import tempfile
from pathlib import Path
from induction_explorer import CheckpointSeries
from induction_kernels import Recorder
folder = Path(tempfile.mkdtemp()) / "run"
model = series.load(0)
recorder = Recorder(folder, model)
def train_to(index):
    series.load(index)
    recorder.save(series[index].step)
for index in (0, 2, 3):
    train_to(index)
run = CheckpointSeries.from_folder(folder, model)
w = InductionExplorer(run, texts=texts, heads=[[1, 6], [0, 2]])
w.wait()"""


def test_new_checkpoints_come_and_a_handle_at_the_end_goes_with_them(
    desk: Desk, request: pytest.FixtureRequest
) -> None:
    with desk.notebook(request.node.name, RUN, SHOW) as page:
        page.run_all()
        view = until_drawn(page, desk.python)
        count = view.root.locator(".ie-now-count")
        expect(count).to_have_text("3 of 3")
        desk.python.run("train_to(8)")
        expect(view.slider).to_have_value("3")
        expect(view.slider).to_have_attribute("aria-valuetext", "step 2,050")
        expect(count).to_have_text("4 of 4 following the run")
        page.wait_until(lambda: desk.python.value("w.checkpoint") == 3, "the trait")
        view.slider.fill("1")
        expect(view.slider).to_have_attribute("aria-valuetext", "step 925")
        page.wait_until(lambda: desk.python.value("w._work.pending") == 0, "an idle kernel")
        picture, names = view.picture("L1H6"), view.names()
        desk.python.run("train_to(11); train_to(1)")
        expect(view.slider).to_have_attribute("max", "5")
        expect(count).to_have_text("3 of 6 the run goes on")
        expect(view.slider).to_have_attribute("aria-valuetext", "step 925")
        page.wait_until(lambda: desk.python.value("w._work.pending") == 0, "an idle kernel")
        expect(view.root.get_by_text("computing …")).to_have_count(0)
        assert view.names() == names
        assert view.picture("L1H6") == picture
        view.slider.press("End")
        expect(view.slider).to_have_attribute("aria-valuetext", "step 5,000")
        page.wait_until(lambda: view.picture("L1H6") != picture, "the pattern of another one")
        expect(view.alerts).to_have_count(0)
