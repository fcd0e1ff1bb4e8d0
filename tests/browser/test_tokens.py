"""Tokens show where they attend: while hovered, while focused, and locked by a click."""

import re

import pytest
from kernel import Kernel
from labpage import LabPage
from parts import Explorer
from playwright.sync_api import expect

# "query 7 ' C' attends 0.83 to key 4 ' C'"
STATUS = re.compile(r"query (\d+) '.*' attends ([01]\.\d\d) to key (\d+) '.*'", re.DOTALL)


def said(explorer: Explorer, query: int | None = None) -> tuple[int, float, int]:
    """Query, attention and key of the status line, once it speaks of this query."""
    expect(explorer.status).to_have_text(STATUS)
    if query is not None:
        expect(explorer.status).to_have_text(re.compile(f"^query {query} "))
    found = STATUS.fullmatch(explorer.status.inner_text())
    assert found is not None
    return int(found[1]), float(found[2]), int(found[3])


def test_hover_says_where_the_token_attends(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    explorer.tokens.nth(12).hover()
    _, attention, key = said(explorer, 12)
    python.run(
        "from induction_kernels import attention_patterns\n"
        "_row = attention_patterns(series.load(w.checkpoint), w.prompt, w.heads)[-1, 12]"
    )
    most, where = python.value("(round(float(_row.max()), 2), int(_row.argmax()))")
    assert abs(attention - most) <= 0.01
    assert key == where
    page.page.mouse.move(0, 0)
    last = explorer.tokens.count() - 1
    expect(explorer.status).to_have_text(re.compile(f"^query {last} "))


def test_the_number_is_exact_at_every_checkpoint_and_head_that_is_turned_to(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    """By TransformerLens' own hook; the picture alone would be off by up to 0.002."""
    exactly = explorer.root.locator(".ie-exactly")

    def computed() -> str:
        python.run(
            "import torch\n"
            "_layer, _head = w.heads[-1]\n"
            "_model = series.load(w.checkpoint)\n"
            "_ids = torch.tensor([w._prompts[0]['ids']])\n"
            "_, _cache = _model.run_with_cache(_ids)\n"
            "_row = _cache[f'blocks.{_layer}.attn.hook_pattern'][0, _head, 12]"
        )
        return f"exactly {python.value('float(_row.max())'):.3f}"

    for turn in ("", "Home", "End"):
        if turn:
            explorer.slider.press(turn)
            last = python.value("len(series) - 1")
            wanted = 0 if turn == "Home" else last
            page.wait_until(lambda at=wanted: python.value("w.checkpoint") == at, turn)
        explorer.tokens.nth(12).hover()
        expect(exactly).to_have_text(computed())
    before = exactly.inner_text()
    explorer.cell("L0H1").click()
    page.wait_until(lambda: python.value("w.heads[-1]") in ([0, 1], (0, 1)), "the head")
    explorer.tokens.nth(12).hover()
    expect(exactly).to_have_text(computed())
    assert exactly.inner_text() != before


def test_the_last_token_is_held_with_an_arc_to_what_it_attends_to_most(explorer: Explorer) -> None:
    query, attention, key = said(explorer)
    assert query == explorer.tokens.count() - 1
    expect(explorer.tokens.nth(query)).to_have_attribute("aria-selected", "false")
    arcs = explorer.root.locator(".ie-arc")
    # The strongest lies over the others. It ends in the middle of the key's top or bottom edge.
    strongest = arcs.last
    assert float(strongest.get_attribute("stroke-width") or 0) == pytest.approx(
        0.75 + 2.5 * attention, abs=0.02
    )
    end = strongest.evaluate("""path => {
      const at = path.getPointAtLength(path.getTotalLength());
      const on = at.matrixTransform(path.getScreenCTM());
      return [on.x, on.y];
    }""")
    box = explorer.tokens.nth(key).bounding_box()
    assert box is not None
    assert end[0] == pytest.approx(box["x"] + box["width"] / 2, abs=1)
    assert min(abs(end[1] - box["y"]), abs(end[1] - box["y"] - box["height"])) <= 1


def test_click_locks_and_escape_unlocks(page: LabPage, explorer: Explorer) -> None:
    explorer.tokens.nth(9).click()
    expect(explorer.tokens.nth(9)).to_have_attribute("aria-selected", "true")
    explorer.tokens.nth(15).hover()
    said(explorer, 15)  # hover wins over lock
    page.page.mouse.move(0, 0)
    explorer.slider.focus()
    expect(explorer.status).to_have_text(re.compile(r"^query 9 "))
    explorer.tokens.nth(9).focus()
    page.page.keyboard.press("Escape")
    expect(explorer.tokens.nth(9)).to_have_attribute("aria-selected", "false")
    explorer.slider.focus()
    expect(explorer.status).to_have_text("")


def test_a_locked_token_follows_the_slider(page: LabPage, explorer: Explorer) -> None:
    explorer.tokens.nth(9).click()
    page.page.mouse.move(0, 0)
    explorer.slider.focus()
    before = said(explorer, 9)
    page.page.keyboard.press("Home")
    page.wait_until(lambda: said(explorer) != before, "another row of attention")
    assert said(explorer)[0] == 9
    expect(explorer.predictions).to_contain_text("after position 9")


def test_keyboard(page: LabPage, explorer: Explorer) -> None:
    explorer.tokens.first.focus()
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("ArrowRight")
    expect(explorer.tokens.nth(2)).to_be_focused()
    said(explorer, 2)
    page.page.keyboard.press("Enter")
    expect(explorer.tokens.nth(2)).to_have_attribute("aria-selected", "true")
    page.page.keyboard.press("End")
    expect(explorer.tokens.last).to_be_focused()
    page.page.keyboard.press("Escape")
    expect(explorer.tokens.and_(page.page.locator("[aria-selected=true]"))).to_have_count(0)
