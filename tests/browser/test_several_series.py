"""All bundled series side by side: the largest state there is by default."""

import re
from collections.abc import Iterator

import kernel
import pytest
from labpage import LabPage
from notebooks import SHOW, Desk
from parts import Explorer
from playwright.sync_api import Locator, expect

ALL = """\
three = [load_demo(f"attn-only-{layers}l") for layers in (1, 2, 3)]
w = InductionExplorer(three)
w.wait()"""


@pytest.fixture
def trio(desk: Desk, request: pytest.FixtureRequest) -> Iterator[LabPage]:
    with desk.notebook(request.node.name, ALL, SHOW) as page:
        page.run_all()
        yield page


def test_every_head_and_the_longest_prompt_within_small_messages(trio: LabPage) -> None:
    shows_every_head(trio, Explorer(trio.page))
    takes_the_longest_prompt(trio, Explorer(trio.page))


def shows_every_head(trio: LabPage, view: Explorer) -> None:
    choice = view.root.get_by_role("combobox", name="Series")
    with kernel.connect(trio.kernel_file()) as python:
        for series, layers in enumerate((1, 2, 3)):
            choice.select_option(str(series))
            trio.wait_until(lambda series=series: python.value("w.series") == series, "the trait")
            expect(view.cells).to_have_count(8 * layers)
            python.run(f"w.heads = [[l, h] for l in range({layers}) for h in range(8)]")
            expect(view.patterns).to_have_count(8 * layers)
            expect(view.root.get_by_text("computing …")).to_have_count(0)
            view.slider.focus()
            trio.page.keyboard.press("Home")
            expect(view.slider).to_have_attribute("aria-valuetext", "step 0 · 0 tokens")
            assert not any("not computed" in name for name in view.names())


def takes_the_longest_prompt(trio: LabPage, view: Explorer) -> None:
    with kernel.connect(trio.kernel_file()) as python:
        length = python.value("w._series[0]['context']")
        # BOS takes one place; neither character joins the other into one token.
        python.run(f"w.prompt = 'a\\n' * {(length - 1) // 2}")
        tokens = python.value("len(w._prompts[0]['tokens'])")
        expect(view.tokens).to_have_count(tokens)
        expect(view.root.get_by_text("computing …")).to_have_count(0)


MIXED = """\
from induction_explorer import CheckpointSeries, InductionExplorer, load_demo
known = load_demo("attn-only-1l").select([0, 12, 18, -1])
weights = [
    {k: v.clone() for k, v in known.load(i).state_dict().items()} for i in (0, 2, 3)
]
unknown = CheckpointSeries.from_state_dicts(
    known.load(-1), weights, steps=[0, 200, 3000], name="ריצה 2"
)
w = InductionExplorer([known, unknown])
w.wait()
"""


def reading_order(note: Locator) -> list[str]:
    """Three words of the note, the name among them, from left to right as they are drawn."""
    return note.evaluate(
        """note => {
            const text = note.firstChild, range = document.createRange();
            const left = (word) => {
                const at = text.data.indexOf(word);
                range.setStart(text, at);
                range.setEnd(text, at + word.length);
                return range.getClientRects()[0].left;
            };
            return ["has", "ריצה", "for"].sort((a, b) => left(a) - left(b));
        }"""
    )


def test_one_unit_for_all_and_the_axis_says_why(desk: Desk, request: pytest.FixtureRequest) -> None:
    with desk.notebook(request.node.name, MIXED, SHOW) as page:
        page.run_all()
        view = Explorer(page.page)
        for tab in ("Loss", "Every series"):
            view.measures.filter(has_text=tab).first.click()
            notes = view.root.locator(".ie-axis-note")
            expect(notes).to_have_count(2)
            for note in notes.all():
                expect(note).to_contain_text(re.compile("training steps, for .*ריצה 2.* has no"))
                assert reading_order(note) == ["for", "ריצה", "has"]
            ticks = view.root.locator("[data-mark='x-axis tick label'] text, .ie-tick-label")
            names = ticks.all_text_contents()
            assert len(names) > 8
            assert not any(name.endswith("M") for name in names)
