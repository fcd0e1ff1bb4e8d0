"""Names and tokens that are made to run, or to break what they stand in: in a copy's page, its tips
and the files that it saves."""

from __future__ import annotations

import copy
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from induction_explorer import InductionExplorer
from induction_kernels import CheckpointSeries
from parts import Explorer
from playwright.sync_api import Browser, Page, expect
from silent import silent

RUNS = "window.__run = true"
TOKENS = [
    f"<img src=x onerror='{RUNS}'>",
    f"</script><script>{RUNS}</script>",
    f"</style></title></textarea><svg onload='{RUNS}'>",
    "]]>",
    "<![CDATA[",
    "&amp;&#x3c;&",
    "\"'`${1}",
    "=1+1",
    "\u202e\u2067gnp",
    "\u200b\u200d\ufeff",
    "x" * 10_000,
]
NAME = "".join(TOKENS)
#: Neither may be in a name that is shown: they turn what follows, or are nothing.
INVISIBLE = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\ufeff]")


@pytest.fixture(scope="module")
def file(tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of a model of this name, with a prompt of these tokens."""
    words = copy.deepcopy(tokenizer)
    words.add_tokens(TOKENS)
    from small_models import VOCABULARY, bridge, variants

    model = bridge(d_vocab=VOCABULARY + len(TOKENS))
    series = CheckpointSeries.from_state_dicts(
        model, variants(model), steps=[0, 10, 100, 1000], tokenizer=words, name=NAME
    )
    explorer = InductionExplorer(series, prompt="".join(TOKENS) * 2, answer=TOKENS[0])
    explorer.wait()
    yield explorer.to_html(tmp_path_factory.mktemp("hostile") / "x.html")
    explorer.close()


@pytest.fixture(params=[1440, 480])
def page(chrome: Browser, file: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Nothing of it may run, whether a page's policy forbids that or not."""
    size = {"width": request.param, "height": 900}
    with silent(chrome, file, viewport=size, bypass_csp=True) as opened:
        yield opened
        assert opened.evaluate("window.__run") is None


def is_whole(page: Page) -> None:
    """What was injected would be an element; what broke the layout would be wider than the page."""
    root = page.locator("main")
    assert root.locator("script, img, [onerror], [onload]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert not INVISIBLE.search(root.inner_text())


def test_they_are_text_wherever_they_are_shown(page: Page) -> None:
    view = Explorer(page)
    view.wait_until_computed()
    expect(view.tokens).to_have_count(2 * len(TOKENS) + 1)
    is_whole(page)
    for token in range(view.tokens.count()):
        view.tokens.nth(token).hover()
        expect(view.status.first).to_contain_text("attends", timeout=5000)
        is_whole(page)
    for name in view.measures.all_inner_texts():
        view.measures.filter(has_text=re.compile(f"^{re.escape(name)}$")).click()
        for chart in view.measure.locator("svg, canvas, [role=option]").all()[:6]:
            if chart.is_visible():
                chart.hover(force=True)
        is_whole(page)
    view.patterns.first.hover()
    is_whole(page)


def test_saved_files_can_be_read(page: Page, tmp_path: Path) -> None:
    view = Explorer(page)
    view.wait_until_computed()
    view.measures.filter(has_text=re.compile("^Passage$")).click()
    titles = ["Attention patterns", "Next-token predictions", "Passage", "Ranked heads"]
    for title in titles:
        for kind in ("SVG", "CSV"):
            view.root.get_by_role("button", name=f"Save {title}", exact=True).click()
            with page.expect_download() as waiting:
                view.root.get_by_role("menuitem", name=kind).click()
            name = waiting.value.suggested_filename
            assert re.fullmatch(rf"[\w-]{{1,200}}\.{kind.lower()}", name), name
            text = Path(waiting.value.path()).read_text()
            if kind == "SVG":
                drawn = ElementTree.fromstring(text)
                tags = {node.tag.rpartition("}")[2] for node in drawn.iter()}
                assert not tags & {"script", "foreignObject", "style"}
                assert not [key for node in drawn.iter() for key in node.attrib if key[:2] == "on"]
            else:
                lines = [line for line in text.splitlines() if not line.startswith("#")]
                head, *rows = csv.reader(lines)
                assert {len(row) for row in rows} == {len(head)}
                assert not [cell for row in rows for cell in row if cell[:1] in ("=", "@")]
