"""What stands on the page before the reader touches anything."""

import re

from kernel import Kernel
from labpage import VIEWPORT, LabPage
from parts import Explorer
from playwright.sync_api import expect


def test_every_part_can_be_found_by_role_and_name(explorer: Explorer) -> None:
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


def test_the_slider_says_step_and_tokens(explorer: Explorer, python: Kernel) -> None:
    step, tokens = python.value("(series.steps[-1], series.tokens[-1])")
    text = explorer.slider.get_attribute("aria-valuetext")
    assert re.fullmatch(rf"step {step:,} · {tokens / 1e6:.1f}M tokens", text)


def test_cells_are_named_with_head_score_and_value(explorer: Explorer, python: Kernel) -> None:
    values = python.value(
        "[f'L{l}H{h} induction {w._sessions[0].grids[\"induction\"][-1, l, h]:.3f}'"
        " for l in range(2) for h in range(8)]"
    )
    assert explorer.names() == values


def test_every_selected_head_has_a_pattern(explorer: Explorer, python: Kernel) -> None:
    heads = [f"L{layer}H{head}" for layer, head in python.value("w.heads")]
    assert heads
    expect(explorer.patterns).to_have_count(len(heads))
    for head in heads:
        expect(explorer.pattern(head)).to_be_visible()
        expect(explorer.cell(head)).to_have_attribute("aria-selected", "true")


def test_every_token_of_the_prompt_is_an_option(explorer: Explorer, python: Kernel) -> None:
    expect(explorer.tokens).to_have_count(python.value("len(w._prompts[0]['tokens'])"))


def test_ten_predictions_are_ranked(explorer: Explorer) -> None:
    expect(explorer.predictions.locator("tbody tr")).to_have_count(10)


def test_it_fits_a_narrow_window(page: LabPage, explorer: Explorer) -> None:
    page.page.set_viewport_size({"width": 700, "height": VIEWPORT["height"]})
    expect(explorer.slider).to_be_visible()
    assert explorer.root.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
