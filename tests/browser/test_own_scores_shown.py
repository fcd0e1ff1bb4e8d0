"""A score of the reader's own on the page: picked like ours, and marked as theirs."""

from __future__ import annotations

import re

import pytest
from labpage import LabPage
from notebooks import LITTLE_TEXT, Desk
from parts import Explorer
from playwright.sync_api import expect

CELL = """\
import numpy as np, xarray
from induction_explorer import InductionExplorer, load_demo
series = load_demo("attn-only-2l").select([0, 8, 16, -1])
values = np.linspace(-1, 1, 64).reshape(4, 2, 8)
values[3, 1, 2] = 0.397
values[1] = np.nan
llc = xarray.DataArray(
    values, dims=("checkpoint", "layer", "head"), name="llc",
    coords={"step": ("checkpoint", series.steps)},
    attrs={"long_name": "Local learning coefficient", "units": "nat", "source": "devinterp"},
)
state = {"broken": True}
def mine(model, probe):
    "Ones, once it works."
    if state["broken"]:
        raise ValueError("not yet")
    return np.ones((2, 8))
w = InductionExplorer(series, texts=texts, scores=[llc, mine])
w.wait()
"""


def test_a_score_of_ones_own_is_picked_and_marked(
    desk: Desk, request: pytest.FixtureRequest
) -> None:
    with desk.notebook(request.node.name, LITTLE_TEXT, CELL, "display(w)") as page:
        page.run_all()
        view = Explorer(page.page)
        view.wait_until_computed()
        view.score.select_option("llc")
        expect(view.cell("L1H2")).to_have_accessible_name("L1H2 llc 0.397")
        group = view.score.locator("optgroup[label=Yours] option")
        expect(group).to_have_text(["Mine", "Local learning coefficient"])
        said = view.root.locator(".ie-score-text")
        expect(said).to_contain_text(re.compile("Yours · .* in nat · range unbounded"))
        expect(said).to_contain_text("devinterp")
        expect(said).to_contain_text("Has 4 of 4 checkpoints, matched by step")
        view.slider.fill("1")
        expect(view.cell("L1H2")).to_have_accessible_name("L1H2 llc not computed")
        check_again(page, view, desk)


def check_again(page: LabPage, view: Explorer, desk: Desk) -> None:
    view.score.select_option("mine")
    fault = view.root.get_by_role("status").filter(has_text="No numbers at this checkpoint")
    expect(fault).to_contain_text("mine raised ValueError: not yet")
    expect(fault).to_contain_text("4 checkpoints are without.")
    desk.python.run("state['broken'] = False")
    view.root.get_by_role("button", name="Try again").click()
    expect(view.cell("L1H2")).to_have_accessible_name("L1H2 mine 1.000")
    expect(fault).to_have_count(0)
