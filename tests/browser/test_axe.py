"""axe-core finds nothing against the page: in no tab, theme or width, with what opens open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from computed_demo import computed_demo
from harness import Harness
from lent_windows import Windows
from parts import Explorer
from playwright.sync_api import Browser, Page, expect

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
#: WCAG 2.2 AA and what is good practice. A row of the ranking shows its second score too, which its
#: name leaves to its description: who speaks to the page says the head's name, which is in both.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    "rules": {"label-content-name-mismatch": {"enabled": False}},
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what every host draws, but for causes, which take a kernel."""
    with computed_demo() as explorer:
        return explorer.to_html(tmp_path_factory.mktemp("axe") / "x.html")


@pytest.fixture(params=[(1440, "light", 1), (480, "dark", 2)], ids=str)
def page(request: pytest.FixtureRequest, chrome: Browser, file: Path) -> Iterator[Page]:
    width, scheme, scale = request.param
    context = chrome.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, device_scale_factor=scale
    )
    opened = context.new_page()
    opened.goto(file.as_uri())
    opened.evaluate(AXE.read_text())
    yield opened
    context.close()


#: A chart is drawn in the frame after.
DRAWN = "() => new Promise(then => requestAnimationFrame(() => requestAnimationFrame(then)))"


def faults(page: Page) -> list[str]:
    found: list[dict[str, Any]] = page.evaluate(
        "rules => axe.run('.ie', rules).then((found) => found.violations)", RULES
    )
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


def test_nothing_is_found(page: Page) -> None:
    view = Explorer(page)
    view.wait_until_computed()
    for index in range(view.measures.count()):
        view.measures.nth(index).click()
        expect(view.measures.nth(index)).to_have_attribute("aria-selected", "true")
        page.evaluate(DRAWN)
        assert faults(page) == [], view.measures.nth(index).inner_text()
    view.root.get_by_role("button", name="Compare").first.click()
    expect(view.root.get_by_role("slider", name="Compare with")).to_be_visible()
    assert faults(page) == []
    for table in ("Attention patterns", "Loss"):
        view.measures.first.click()
        view.root.get_by_role("button", name=f"Table of {table}", exact=True).click()
        expect(view.root.get_by_role("table", name=table).first).to_be_visible()
    assert faults(page) == []
    view.root.get_by_role("button", name="Save Attention patterns").click()
    expect(view.root.get_by_role("menu")).to_be_visible()
    assert faults(page) == []
    page.keyboard.press("Escape")
    view.root.get_by_role("button", name="Enlarge").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert faults(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_found_in_causes(windows: Windows, harness: Harness, theme: str) -> None:
    page = windows.new_page(viewport={"width": 1440, "height": 900})
    harness.open(page, case="2l", theme=theme)
    page.evaluate(AXE.read_text())
    for tab in ("Attribution", "Head on text", "Ablation", "Wiring"):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_text("computing …")).to_have_count(0)
        page.get_by_role("tabpanel").get_by_role("button", name="Table of").first.click()
        expect(page.get_by_role("tabpanel").get_by_role("region").first).to_be_visible()
        assert faults(page) == [], tab
