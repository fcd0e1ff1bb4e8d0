"""What stands on the page before the reader touches anything."""

import re

import pytest
from kernel import Kernel
from labpage import VIEWPORT, LabPage
from parts import Explorer
from playwright.sync_api import expect


def test_what_stands_there(
    page: LabPage, explorer: Explorer, python: Kernel, subtests: pytest.Subtests
) -> None:
    with subtests.test("every part can be found by role and name"):
        for part in (
            explorer.slider,
            explorer.play,
            explorer.score,
            explorer.grid,
            explorer.prompt,
            explorer.run,
            explorer.predictions,
            explorer.figure,
        ):
            expect(part).to_be_visible()
        expect(explorer.alerts).to_have_count(0)

    with subtests.test("the slider says step and tokens"):
        step, tokens = python.value("(series.steps[-1], series.tokens[-1])")
        text = explorer.slider.get_attribute("aria-valuetext")
        assert re.fullmatch(rf"step {step:,} · {tokens / 1e6:.1f}M tokens", text)

    with subtests.test("cells are named with head score and value"):
        values = python.value(
            "[f'L{l}H{h} induction {w._sessions[0].grids[\"induction\"][-1, l, h]:.3f}'"
            " for l in range(2) for h in range(8)]"
        )
        assert explorer.names() == values

    with subtests.test("one cell is in the tab order"):
        expect(explorer.grid.locator("[role=gridcell][tabindex='0']")).to_have_count(1)

    with subtests.test("every selected head has a pattern"):
        heads = [f"L{layer}H{head}" for layer, head in python.value("w.heads")]
        assert heads
        expect(explorer.patterns).to_have_count(len(heads))
        for head in heads:
            expect(explorer.pattern(head)).to_be_visible()
            expect(explorer.cell(head)).to_have_attribute("aria-selected", "true")

    with subtests.test("every token of the prompt is an option"):
        expect(explorer.tokens).to_have_count(python.value("len(w._prompts[0]['tokens'])"))

    with subtests.test("ten predictions are ranked"):
        expect(explorer.predictions.locator("tbody tr")).to_have_count(10)

    with subtests.test("it fits a narrow window"):
        page.page.set_viewport_size({"width": 700, "height": VIEWPORT["height"]})
        expect(explorer.slider).to_be_visible()
        assert explorer.root.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
