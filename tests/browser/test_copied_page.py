"""A copy of an explorer, opened from disk without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from computed_demo import computed_demo
from induction_explorer import InductionExplorer, load_demo
from parts import Explorer
from playwright.sync_api import Browser, Page, Route, expect
from silent import silent

#: A canvas is drawn at the latest in the third frame after what is said of it.
FRAMES = """async () => {
  for (let i = 0; i < 5; i++) await new Promise(requestAnimationFrame);
}"""


def seen(view: Explorer, head: str) -> bytes:
    """A pattern. Chromium would warn of a canvas that is read twice, and these pages are silent."""
    view.page.evaluate(FRAMES)
    return view.pattern(head).screenshot()


@pytest.fixture(scope="module")
def explorer() -> Iterator[InductionExplorer]:
    with computed_demo() as made:
        yield made


@pytest.fixture(scope="module")
def file(explorer: InductionExplorer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return explorer.to_html(tmp_path_factory.mktemp("copy") / "x.html")


@pytest.fixture
def page(chrome: Browser, file: Path) -> Iterator[Page]:
    with silent(chrome, file, viewport={"width": 1440, "height": 900}) as opened:
        yield opened


def test_it_scrubs_hovers_and_switches(page: Page, explorer: InductionExplorer) -> None:
    view = Explorer(page)
    view.wait_until_computed()
    scores = explorer.scores()
    view.slider.press("Home")
    for at in (0, 5):
        if at:
            view.slider.fill(str(at))
        value = float(scores["induction"][at, 1, 7])
        expect(view.cell("L1H7")).to_have_accessible_name(
            re.compile(rf"^L1H7 induction {value:.3f}")
        )
    first = seen(view, "L1H7")
    view.slider.press("End")
    expect(view.slider).to_have_attribute("aria-valuetext", re.compile("step 5,000"))
    expect.soft(view.alerts).to_have_count(0)
    assert seen(view, "L1H7") != first
    view.score.select_option("previous_token")
    value = float(scores["previous_token"][-1, 0, 4])
    expect(view.cell("L0H4")).to_have_accessible_name(re.compile(rf"{value:.3f}"))
    view.cell("L1H6").click()
    expect(view.pattern("L1H6")).to_be_visible()
    view.tokens.nth(4).click()
    expect(view.root.locator(".ie-attended")).to_contain_text("query 4 ' token' attends")
    expect(view.root.locator(".ie-reading")).to_contain_text("attended to most")
    for title in ("Passage", "Answer", "Scatter", "Loss PCA"):
        view.root.get_by_role("tab", name=title, exact=True).click()
        expect(view.measure.locator("svg, canvas").first).to_be_visible()
    expect(view.alerts).to_have_count(0)


def test_a_link_opens_where_it_was_left(page: Page) -> None:
    view = Explorer(page)
    view.slider.fill("7")
    view.root.get_by_role("tab", name="Answer", exact=True).click()
    page.wait_for_url(re.compile("checkpoint.*tab"))
    said = view.slider.get_attribute("aria-valuetext")
    again = page.context.new_page()
    again.goto(page.url)
    other = Explorer(again)
    expect(other.slider).to_have_attribute("aria-valuetext", said or "")
    expect(other.measure).to_have_accessible_name("Answer")


def test_what_it_does_not_hold_it_says(page: Page) -> None:
    view = Explorer(page)
    view.root.get_by_role("tab", name="Ablation", exact=True).click()
    expect(view.measure).to_contain_text("a copy without a kernel")
    expect(page.get_by_text("A copy made on")).to_be_visible()


def test_a_head_that_was_left_out_offers_nothing_to_press(chrome: Browser, tmp_path: Path) -> None:
    with computed_demo(range(26)) as explorer:  # whose patterns take more than all else
        whole = explorer.to_html(tmp_path / "whole.html").stat().st_size
        small = explorer.to_html(tmp_path / "small.html", max_size=whole - 40_000)
    page = chrome.new_page(viewport={"width": 480, "height": 900})
    page.goto(small.as_uri())
    view = Explorer(page)
    expect(page.get_by_text("Left out to keep the file small")).to_be_visible()
    weakest = view.root.get_by_role("listbox", name="Heads by induction").get_by_role("option").last
    name = re.findall(r"L\dH\d", weakest.get_attribute("aria-label") or "")[0]
    weakest.click()
    expect(view.root.locator(".ie-patterns").get_by_role("alert")).to_contain_text(
        f"This copy does not hold the attention pattern of {name}"
    )
    expect(view.root.get_by_role("button", name="Try again")).to_have_count(0)
    expect(view.root.get_by_role("button", name="Save Attention patterns")).to_have_count(0)
    page.close()


def test_a_snapshot_scrubs_in_a_notebook_page(chrome: Browser, explorer, tmp_path: Path) -> None:
    """In a frame that may neither reach the page around it nor the network."""
    around = tmp_path / "around.html"
    around.write_text(f"<body>{explorer.snapshot()._repr_html_()}</body>")
    context = chrome.new_context(offline=True)
    page = context.new_page()
    page.goto(around.as_uri())
    frame = page.frame_locator("iframe")
    slider = frame.get_by_role("slider", name="Checkpoint")
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^step 0"))
    expect(frame.get_by_role("gridcell").first).to_be_visible()
    context.close()


#: What MyST's theme does with a module: in a shadow root, without signals; what `render` returns is
#: called when the reader leaves.
MYST = """<!doctype html><div id="here"></div><script type="module">
const { default: widget } = await import("./x.mjs");
const model = new Map();
await widget.initialize?.({ model });
const el = document.createElement("div");
document.getElementById("here").attachShadow({ mode: "open" }).replaceChildren(el);
window.leave = await widget.render?.({ model, el });
</script>"""


def test_a_module_scrubs_in_a_page_of_myst(
    chrome: Browser, explorer: InductionExplorer, tmp_path: Path
) -> None:
    explorer.to_module(tmp_path / "x.mjs")
    (tmp_path / "index.html").write_text(MYST)
    context = chrome.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    types = {".mjs": "text/javascript", ".html": "text/html"}

    def serve(route: Route) -> None:
        file = tmp_path / route.request.url.rsplit("/", 1)[1]
        route.fulfill(body=file.read_text(), content_type=types[file.suffix])

    page.route("http://book.test/*", serve)
    page.goto("http://book.test/index.html")
    slider = page.get_by_role("slider", name="Checkpoint")
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^step 0"))
    expect(page.get_by_role("grid", name="Head scores")).to_be_visible()
    height = page.get_by_role("grid", name="Head scores").bounding_box()
    assert height is not None
    assert height["width"] > 100  # its styles are there
    option = page.get_by_role("listbox", name="Tokens").get_by_role("option").nth(4)
    option.hover()
    expect(page.get_by_text("query 4 ' token' attends").first).to_be_visible()
    expect(page.get_by_text("A copy made on")).to_be_visible()
    assert page.url == "http://book.test/index.html"  # the address is the book's
    page.evaluate("leave()")
    expect(page.get_by_role("slider", name="Checkpoint")).to_have_count(0)
    assert said == []
    context.close()


def test_it_flips_through_the_prompts_that_were_run(chrome: Browser, tmp_path: Path) -> None:
    """And a link opens at the one that was left."""
    given = [("A B C A B", " C"), ("the cat sat on the cat", "")]
    made = InductionExplorer(load_demo("attn-only-2l").select([12, 25]), prompts=given)
    made.wait()
    file = made.to_html(tmp_path / "x.html")
    counts = {}
    for text, answer in given:
        made._run_prompt(text, answer)
        counts[text] = len(made._prompts[0]["tokens"])
    made.close()
    with silent(chrome, file, viewport={"width": 1440, "height": 900}) as page:
        view = Explorer(page)
        prompts = page.get_by_role("combobox", name="Prompt")
        expect(prompts.locator("option")).to_have_text(["A B C A B → C", "the cat sat on the cat"])
        head = view.root.get_by_role("img", name=re.compile("^Attention pattern")).first
        name = (head.get_attribute("aria-label") or "").split()[2]
        expect(view.root.get_by_text("computing …")).to_have_count(0)
        first = seen(view, name)
        prompts.select_option(index=1)
        expect(view.tokens).to_have_count(counts["the cat sat on the cat"])
        expect(view.root.get_by_text("computing …")).to_have_count(0)
        expect(view.alerts).to_have_count(0)
        assert seen(view, name) != first
        page.wait_for_url(re.compile("prompt"))
        again = page.context.new_page()
        again.goto(page.url)
        expect(Explorer(again).tokens).to_have_count(counts["the cat sat on the cat"])
        expect(again.get_by_role("combobox", name="Prompt")).to_have_value("1")
        prompts.select_option(index=0)
        expect(view.tokens).to_have_count(counts["A B C A B"])
        page.wait_for_url(re.compile("^(?!.*prompt)"))
        assert seen(view, name) == first
