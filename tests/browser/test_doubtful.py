"""A suite as pythia-2.8b was published, on a hub: late weights are marked in grey, and said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from harness import Harness
from kernel import Kernel
from labpage import LabPage
from lent_windows import Windows
from local_hub import Repository, local_hub
from notebooks import SHOW, Desk, until_drawn
from parts import Explorer
from playwright.sync_api import Page, expect

STEPS = [0, 1, 64, 512, 1000, 10_000, 66_000, 143_000]
LATE = [64, 512, 1000]
REASON = "holds the final model (main), byte for byte"

CELL = """\
import huggingface_hub.constants as constants
constants.HF_HUB_OFFLINE = False
from induction_explorer import CheckpointSeries
published = CheckpointSeries.from_hub(
    "EleutherAI/pythia-2.8b", "all", endpoint={endpoint!r}, cache_dir={cache!r})
w = InductionExplorer(published, checkpoint=5)
w.wait()"""
#: As it was, and nothing of the hub is asked any more.
OFFLINE = "constants.HF_HUB_OFFLINE = True"


@pytest.fixture
def page(
    desk: Desk, tokenizer, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[LabPage]:
    from published_models import late, pythia
    from small_models import HUGGING_FACE

    torch.manual_seed(0)
    model = HUGGING_FACE["gpt_neox"]().eval()
    with local_hub() as hub:
        branches = late(pythia(model, tokenizer, STEPS), model, LATE, [])
        hub.repositories["EleutherAI/pythia-2.8b"] = Repository(branches)
        cell = CELL.format(endpoint=hub.endpoint, cache=str(tmp_path))
        with desk.notebook(request.node.name, cell, SHOW) as page:
            page.run_all()
            until_drawn(page, desk.python)
            yield page
            desk.python.run(OFFLINE)


def test_late_weights_are_marked_and_said(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    marks = explorer.root.locator(".ie-mark")
    expect(marks).to_have_count(len(LATE) + 3)  # 0 and 1, as they should; and the last
    line = explorer.root.locator(".ie-slider .ie-one-line")
    expect(line).to_contain_text("3 of 8 checkpoints are doubtful")
    height = line.evaluate("e => e.offsetHeight")
    explorer.slider.focus()
    for _ in range(2):
        page.page.keyboard.press("ArrowLeft")
    expect(explorer.slider).to_have_attribute(
        "aria-valuetext", f"step 512 · 1.1B tokens · doubtful: {REASON}"
    )
    expect(line).to_have_text(f"step 512 · doubtful: {REASON}")
    assert line.evaluate("e => e.offsetHeight") == height, "the page jumps while scrubbing"
    page.page.keyboard.press("Home")
    expect(line).to_contain_text("step 0 · of note: is step 1, byte for byte, as it should")
    expect(explorer.alerts).to_have_count(0)
    explorer.slider.evaluate("slider => slider.blur()")
    box = marks.nth(2).bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + 2, box["y"] + 14)
    expect(page.page.get_by_role("tooltip")).to_have_text(f"step 64 · doubtful: {REASON}")


@pytest.mark.parametrize(("width", "scale"), [(1440, 1), (1440, 2), (480, 1), (480, 2)])
def test_marks_stand_on_their_ticks_and_what_is_said_of_them_in_sight(
    windows: Windows, harness: Harness, width: int, scale: int
) -> None:
    view: Page = windows.new_page(
        viewport={"width": width, "height": 900}, device_scale_factor=scale
    )
    harness.open(view, case="doubtful")
    middle = "all => all.map(e => e.getBoundingClientRect()).map(b => b.left + b.width / 2)"
    ticks = view.locator(".ie-tick").evaluate_all(middle)
    marks = view.locator(".ie-mark").evaluate_all(middle)
    at = [0, 1, *range(2, 62), 70, 80, 90, 110, 120, 133, 153]
    assert [abs(mark - ticks[i]) <= 1 for mark, i in zip(marks, at, strict=True)] == [True] * 69
    top = view.locator(".ie-rail").bounding_box()
    assert top is not None
    for mark in (marks[0], marks[30], *marks[-8:]):
        view.mouse.move(mark, top["y"] + 14)
        tip = view.get_by_role("tooltip")
        expect(tip).to_be_visible()
        box = tip.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    assert view.evaluate("document.documentElement.scrollWidth") <= width
