"""A pattern that stands alone names its tokens at both sides, each where its cells are."""

from __future__ import annotations

import pytest
from harness import Harness
from labpage import VIEWPORT
from lent_windows import Windows
from parts import Explorer
from playwright.sync_api import Page, expect

# The names along a side: text, middle along it, and how far into the room of the axis' own name.
NAMES = """(axis) => [...document.querySelectorAll(`.ie-names-${axis} .ie-name`)].map((name) => {
  const box = name.getBoundingClientRect();
  const own = document.querySelector(`.ie-axis-${axis}`).getBoundingClientRect();
  return axis === "query"
    ? [name.textContent, box.top + box.height / 2, own.right - box.left]
    : [name.textContent, box.left + box.width / 2, box.bottom - own.top];
})"""


@pytest.mark.parametrize(("width", "scale", "theme"), [(1440, 1, "light"), (480, 2, "dark")])
def test_names_stand_beside_their_cells(
    windows: Windows, harness: Harness, width: int, scale: int, theme: str
) -> None:
    page = windows.new_page(viewport=VIEWPORT | {"width": width}, device_scale_factor=scale)
    for case in ("prompts", "weird"):
        harness.open(page, case=case, theme=theme)
        view = Explorer(page, root=page.locator(".ie"))
        view.cell("L0H1").click()
        expect(view.patterns).to_have_count(1)
        tokens = view.tokens.all_inner_texts()
        square = view.pattern("L0H1").bounding_box()
        assert square is not None
        cell = square["width"] / len(tokens)
        for axis, start in (("query", square["y"]), ("key", square["x"])):
            named = page.evaluate(NAMES, axis)
            assert len(named) == len(tokens)
            for index, (text, middle, beyond) in enumerate(named):
                whole, cut = tokens[index], text.removesuffix("…")
                assert text == whole or (text != cut and whole.startswith(cut))
                assert middle == pytest.approx(start + (index + 0.5) * cell, abs=1.5)  # whole ones
                assert beyond <= 0, (case, axis, text)


@pytest.fixture
def page(windows: Windows) -> Page:
    return windows.new_page(viewport=VIEWPORT)


def test_more_heads_or_tokens_have_no_names(page: Page, harness: Harness) -> None:
    names = page.locator(".ie-names")
    harness.open(page, case="prompts")
    view = Explorer(page, root=page.locator(".ie"))
    view.cell("L0H1").click()
    expect(names).to_have_count(2)
    view.cell("L1H2").click(modifiers=["Control"])
    expect(view.patterns).to_have_count(2)
    expect(names).to_have_count(0)
    harness.open(page, case="first")  # 64 tokens
    expect(Explorer(page, root=page.locator(".ie")).patterns).to_have_count(1)
    expect(names).to_have_count(0)


def test_one_model_shows_a_larger_one(page: Page, harness: Harness) -> None:
    """Where no curves over training stand above it; with names and without."""
    sides = []
    for case in ("model", "tiny", "first"):
        harness.open(page, case=case)
        box = Explorer(page, root=page.locator(".ie")).patterns.first.bounding_box()
        assert box is not None
        sides.append(box["width"])
    assert min(sides[:2]) > 1.4 * sides[2]


def test_an_enlarged_one_is_laid_out_as_ever(page: Page, harness: Harness) -> None:
    """Its axes have names of the same classes."""
    boxes = []
    for heads in (["L0H1"], ["L0H1", "L1H2"]):
        harness.open(page, case="prompts")
        view = Explorer(page, root=page.locator(".ie"))
        for head, how in zip(heads, ([], ["Control"]), strict=False):
            view.cell(head).click(modifiers=how)
        expect(view.patterns).to_have_count(len(heads))
        page.get_by_role("button", name="Enlarge L0H1").click()
        dialog = page.get_by_role("dialog")
        boxes.append([one.bounding_box() for one in dialog.locator(".ie-axis").all()])
    assert boxes[0] == boxes[1]
