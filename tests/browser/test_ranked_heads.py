"""The ranking of all heads, on every screen; and a model by itself, which is all of one moment."""

from __future__ import annotations

import re

import pytest
from harness import Harness
from labpage import LabPage
from lent_windows import Windows
from notebooks import Desk
from parts import Explorer
from playwright.sync_api import Locator, Page, expect

THUMBNAIL = 34

# Of each row that is seen: how many pixels its pattern has, a side, and how many are painted.
PATTERNS = """(list) => {
  const seen = list.getBoundingClientRect();
  return [...list.querySelectorAll("[role=option]")].flatMap((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    if (bottom <= seen.top || top >= seen.bottom) return [];
    const canvas = row.querySelector("canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return [[canvas.width, data.filter((value, i) => i % 4 === 3 && value > 0).length]];
  });
}"""
# What a part of a row is wider than the room it has.
CUT = """(list) => [...list.querySelectorAll("[role=option] > *")]
  .filter((part) => part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0)
  .map((part) => part.textContent)"""


MODEL = """\
import torch
from induction_explorer import InductionExplorer, load_demo
from transformers import LlamaConfig, LlamaForCausalLM
torch.manual_seed(0)
tokenizer = load_demo("attn-only-2l").model(-1).tokenizer
config = LlamaConfig(
    vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=3,
    num_attention_heads=4, max_position_embeddings=256,
)
config.name_or_path = "/some/where/tiny-llama"
model = LlamaForCausalLM(config)
w = InductionExplorer(model, tokenizer=tokenizer)
w.wait()
"""


@pytest.fixture(
    params=[
        *((1, 1440, theme) for theme in ("light", "dark")),
        *((2, 480, theme) for theme in ("light", "dark")),
        (2, 1440, "dark"),
        (1, 480, "light"),
    ],
    ids=lambda param: "-".join(map(str, param)),
)
def screen(windows: Windows, request: pytest.FixtureRequest) -> tuple[Page, float, str]:
    scale, width, theme = request.param
    size = {"width": width, "height": 900}
    return windows.new_page(device_scale_factor=scale, viewport=size), scale, theme


def ranking(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Heads by induction")


def place(row: Locator) -> int:
    return int(row.get_attribute("aria-posinset") or 0)


@pytest.mark.parametrize("case", ["large", "model"])
def test_the_strongest_heads_are_seen_at_once(
    screen: tuple[Page, float, str], harness: Harness, case: str
) -> None:
    page, scale, theme = screen
    harness.open(page, case=case, theme=theme)
    heads = ranking(page)
    rows = heads.get_by_role("option")
    expect(rows.first).to_have_attribute("aria-posinset", "1")
    assert rows.count() < 16
    names = [row.get_attribute("aria-label") or "" for row in rows.all()]
    values = [float(name.split()[-1]) for name in names]
    assert values == sorted(values, reverse=True)
    assert [name.split()[0] for name in names] == [str(i + 1) for i in range(len(names))]
    side = min(64, THUMBNAIL * scale)
    triangle = side * (side + 1) // 2
    page.wait_for_function(
        f"(list) => ({PATTERNS})(list).every(([, n]) => n > 0)", arg=heads.element_handle()
    )
    found = heads.evaluate(PATTERNS)
    assert [width for width, _ in found] == [side] * 9
    # Where a pixel holds several cells, some of them lie on the diagonal's other side.
    assert all(triangle <= painted <= triangle + side for _, painted in found), found
    assert heads.evaluate(CUT) == []
    edge = heads.evaluate("list => list.closest('.ie').getBoundingClientRect().right")
    box = heads.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= edge


def test_keys_and_the_wheel_go_through_all_heads(window: Page, harness: Harness) -> None:
    harness.open(window, case="huge")
    heads = ranking(window)
    heads.get_by_role("option").first.focus()
    focused = heads.locator(":focus")
    for key, where in (
        ("ArrowDown", 2),
        ("End", 1024),
        ("PageUp", 1015),
        ("Home", 1),
        ("PageDown", 10),
    ):
        window.keyboard.press(key)
        expect(focused).to_have_attribute("aria-posinset", str(where))
        expect(focused).to_be_in_viewport()
    name = (focused.get_attribute("aria-label") or "").split()[1]
    window.keyboard.press("Enter")
    expect(window.get_by_role("img", name=f"Attention pattern {name}", exact=True)).to_be_visible()
    expect(focused).to_have_attribute("aria-selected", "true")
    heads.hover()
    window.mouse.wheel(0, 20_000)
    expect(heads.locator("[aria-posinset='512']")).to_be_visible()
    # The focus stays where it was, though it is not seen, and keys go on from there.
    expect(focused).to_have_attribute("aria-posinset", "10")
    assert heads.get_by_role("option").count() < 17
    window.keyboard.press("ArrowDown")
    expect(focused).to_have_attribute("aria-posinset", "11")
    expect(focused).to_be_in_viewport()


@pytest.fixture
def window(windows: Windows) -> Page:
    return windows.new_page(viewport={"width": 1440, "height": 900})


def test_a_model_by_itself(desk: Desk, request: pytest.FixtureRequest) -> None:
    with desk.notebook(request.node.name, MODEL, "display(w)") as page:
        page.run_all()
        view = Explorer(page.page)
        expect(view.root.get_by_role("heading", name="tiny-llama", exact=True)).to_be_visible()
        view.wait_until_computed()
        expect(view.slider).to_have_count(0)
        for gone in ("Play", "Compare"):
            expect(view.root.get_by_role("button", name=gone)).to_have_count(0)
        expect(view.root.get_by_text("This is one checkpoint.")).to_be_visible()
        rows = view.root.get_by_role("listbox", name="Heads by induction").get_by_role("option")
        best = desk.python.value(
            "[(f'L{i // 4}H{i % 4}', f'{float(s.flatten()[i]):.3f}') for s in"
            " [w.scores()['induction'].values[-1]]"
            " for i in (-s.flatten()).argsort(kind='stable')[:5]]"
        )
        names = [row.get_attribute("aria-label") for row in rows.all()[:5]]
        assert names == [
            f"{i + 1} {head} induction {value}" for i, (head, value) in enumerate(best)
        ]
        rows.nth(1).click()
        head = [int(part) for part in best[1][0][1:].split("H")]
        page.wait_until(lambda: desk.python.value("w.heads") == [head], "the trait")
        expect(view.pattern(best[1][0])).to_be_visible()
        said = view.root.inner_text()
        assert "step 0" not in said
        assert "/some/where" not in said
        _measures_are_numbers(page, view)


def _measures_are_numbers(page: LabPage, view: Explorer) -> None:
    page.page.get_by_role("tab", name="Loss", exact=True).click()
    expect(view.measure.locator("dd")).to_contain_text("nats")


def apart(one: Locator, other: Locator) -> bool:
    a, b = one.bounding_box(), other.bounding_box()
    assert a is not None
    assert b is not None
    beside = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
    return beside or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]


def test_a_row_that_is_pointed_at_shows_its_pattern_large(
    screen: tuple[Page, float, str], harness: Harness
) -> None:
    page, _, theme = screen
    harness.open(page, case="2l", theme=theme)
    row = ranking(page).get_by_role("option").nth(2)
    row.scroll_into_view_if_needed()
    row.hover()
    preview = page.get_by_role("tooltip")
    name, value = (row.get_attribute("aria-label") or "").split()[1::2]
    expect(preview).to_contain_text(name)
    expect(preview).to_contain_text(value)
    expect(preview).to_contain_text(
        re.compile(r"strongest in the later half: \d+ '.+' → \d+ '.+' 0\.\d\d")
    )
    picture = preview.get_by_role("img", name=f"Pattern of {name}")
    assert picture.evaluate("canvas => canvas.width") >= 64
    assert apart(preview, row)
    box, size = preview.bounding_box(), page.viewport_size
    assert box is not None
    assert size is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size["width"]
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= size["height"]
    page.keyboard.press("Escape")
    expect(preview).to_have_count(0)
    page.mouse.move(0, 0)
    other = ranking(page).get_by_role("option").nth(3)
    other.focus()
    expect(preview).to_contain_text((other.get_attribute("aria-label") or "").split()[1])
    assert apart(preview, other)
    page.keyboard.press("ArrowUp")
    expect(preview).to_contain_text(name)
    page.keyboard.press("Escape")
    expect(preview).to_have_count(0)
    expect(row).to_be_focused()
