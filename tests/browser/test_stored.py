"""What a sweep kept, while it is being filled and after: no model in the kernel, and no PyTorch."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import kernel
from computed_demo import FORMING
from kernel import Kernel
from lab import Lab
from labpage import LabPage, open_notebook, write_notebook
from notebooks import LITTLE_TEXT, SHOW, check_traffic
from parts import Explorer
from playwright.sync_api import Browser, expect

#: Half of the checkpoints; the others when it is told to go on.
FILLING = f"""
import sys
from induction_explorer import load_demo, sweep
series = load_demo("attn-only-2l").select({FORMING})
{LITTLE_TEXT}\
asked = (["induction", "previous_token", "prefix_matching"],)
more = dict(measures=True, texts=texts, store=sys.argv[1], progress=False)
sweep(series.select([0, 1, 2, 3, 5, 7]), *asked, **more)
print("half", flush=True)
input()
sweep(series, *asked, **more)
"""
OPENED = """\
from induction_explorer import InductionExplorer
w = InductionExplorer.from_store({place!r})
w.wait()"""
NEEDS_A_MODEL = re.compile(r"needs? a model: InductionExplorer\(series\)")


@contextmanager
def filling(place: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", FILLING, str(place)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def opened(lab: Lab, chrome: Browser, place: Path) -> Iterator[tuple[LabPage, Kernel]]:
    """In a kernel of its own."""
    notebook = write_notebook(lab, "stored.ipynb", OPENED.format(place=str(place)), SHOW)
    started = lab.start_kernel(notebook)
    try:
        with (
            kernel.connect(lab.connection_file(started)) as python,
            open_notebook(chrome, lab, notebook) as page,
        ):
            page.run_all()
            yield page, python
            check_traffic(page)
    finally:
        lab.api("DELETE", f"kernels/{started}")


def tab(view: Explorer, title: str) -> None:
    view.root.get_by_role("tab", name=title, exact=True).click()
    expect(view.measure).to_have_accessible_name(title)


def test_a_store_that_is_being_filled(lab: Lab, chrome: Browser, tmp_path: Path) -> None:
    place = tmp_path / "x.zarr"
    with filling(place) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "half\n"
        with opened(lab, chrome, place) as (page, python):
            view = Explorer(page.page)
            draws_and_scrubs(view)
            says_what_the_rest_needs(view)
            view.slider.fill("3")
            label = view.slider.get_attribute("aria-valuetext")
            process.stdin.write("\n")
            process.stdin.flush()
            expect(view.slider).to_have_attribute("max", str(len(FORMING) - 1))
            expect(view.slider).to_have_attribute("aria-valuetext", label or "")
            process.communicate()
            assert process.returncode == 0
            shows_the_phase_change(view)
            assert python.value("'torch' in __import__('sys').modules") is False
            assert python.value("get_ipython().execution_count") == 3


def draws_and_scrubs(view: Explorer) -> None:
    expect(view.cells).to_have_count(16)
    last = view.names()
    assert not any("not computed" in name for name in last)
    view.slider.press("Home")
    expect(view.slider).to_have_attribute("aria-valuetext", "step 0 · 0 tokens")
    expect(view.cells.first).not_to_have_accessible_name(last[0])
    expect(view.figure.locator("canvas, svg").first).to_be_visible()
    tab(view, "Loss")
    value = view.measure.locator(".ie-measure-value")
    expect(value).to_have_text(re.compile(r"^\d\.\d{3}$"))
    first = value.inner_text()
    view.slider.press("End")
    expect(value).not_to_have_text(first)
    tab(view, "Scatter")
    expect(view.measure.locator("canvas")).to_be_visible()
    tab(view, "Loss PCA")
    expect(view.measure.locator("svg").first).to_be_visible()


def says_what_the_rest_needs(view: Explorer) -> None:
    """Once where it would stand, and nowhere else an error, or a field that is of no use."""
    expect(view.root.locator(".ie-stage")).to_contain_text(NEEDS_A_MODEL)
    expect(view.prompt).to_have_count(0)
    for title in ("Passage", "Answer", "Attribution", "Head on text", "Ablation", "Wiring"):
        tab(view, title)
        expect(view.measure).to_contain_text(NEEDS_A_MODEL)
    expect(view.alerts).to_have_count(0)


def shows_the_phase_change(view: Explorer) -> None:
    tab(view, "In-context learning")
    expect(view.root.locator(".ie-formation")).to_contain_text("An induction head forms between")
    expect(view.root.locator(".ie-phase")).to_contain_text("Phase change")
    expect(view.root.locator(".ie-band")).to_have_count(3)


WITH_PROMPTS = f"""
import sys
from induction_explorer import load_demo, sweep
prompts = [
    ("If the character token is set, the letter is not used. The character", " token"),
    "the list of the list of",
]
series = load_demo("attn-only-2l").select([0, 12, 20, 25])
{LITTLE_TEXT}\
more = dict(prompts=prompts, head_pages=[(1, 7)], texts=texts, measures=False, progress=False)
sweep(series, ["induction", "previous_token"], store=sys.argv[1], **more)
"""


def test_prompts_that_a_store_keeps(lab: Lab, chrome: Browser, tmp_path: Path) -> None:
    """Patterns, token hover and predictions scrub; others are chosen from a list."""
    place = tmp_path / "x.zarr"
    subprocess.run([sys.executable, "-c", WITH_PROMPTS, str(place)], check=True)
    with opened(lab, chrome, place) as (page, python):
        view = Explorer(page.page)
        expect(view.tokens.last).to_contain_text("character")
        view.wait_until_computed()
        prompt = view.root.get_by_role("combobox", name="Prompt")
        expect(prompt.get_by_role("option")).to_have_text(
            [re.compile(r"^If the character .* → token$"), "the list of the list of"]
        )
        rows = view.predictions.locator("tbody tr")
        formed, pattern = rows.first.text_content() or "", view.picture("L1H7")
        assert "token" in formed
        view.slider.press("Home")
        expect(rows.first).not_to_have_text(formed)
        page.wait_until(lambda: view.picture("L1H7") != pattern, "the pattern of step 0")
        view.slider.press("End")
        expect(rows.first).to_have_text(formed)
        view.tokens.last.hover()
        expect(view.root.locator(".ie-reading")).to_contain_text("attends")
        box, field = prompt.bounding_box(), view.root.locator(".ie-reading").bounding_box()
        assert box
        assert field
        assert box["x"] + box["width"] <= field["x"] + field["width"]  # a long prompt is cut off
        prompt.select_option("1")
        expect(view.tokens.last).to_contain_text("of")
        expect(rows.first).not_to_have_text(formed)
        for title, needs in (("Passage", False), ("Answer", False), ("Ablation", True)):
            tab(view, title)
            if needs:
                expect(view.measure).to_contain_text("scores, losses, prompts and pages of heads")
            else:
                expect(view.measure).not_to_contain_text("model:")
        expect(view.alerts).to_have_count(0)
        shows_what_heads_attend_to_on_text(view)
        assert python.value("'torch' in __import__('sys').modules") is False


def shows_what_heads_attend_to_on_text(view: Explorer) -> None:
    """Of the heads that the store keeps it; of others it says so."""
    view.cell("L1H7").click()
    tab(view, "Head on text")
    strengths = view.measure.locator(".ie-sequence-strength")
    expect(strengths.first).to_be_visible()
    formed = strengths.first.inner_text()
    view.measure.get_by_role("option").last.hover()
    expect(view.measure.get_by_role("status")).to_contain_text("attends")
    expect(view.measure.get_by_role("button", name="Use as prompt")).to_have_count(0)
    view.slider.press("Home")
    expect(strengths.first).not_to_have_text(formed)
    expect(view.alerts).to_have_count(0)
    view.cell("L0H3").click()
    expect(view.alerts).to_contain_text("The store keeps nothing of L0H3 on text. It keeps L1H7")
