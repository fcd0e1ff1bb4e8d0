"""Prompts: run, refused with a reason, and never taken for markup."""

import pytest
from kernel import Kernel
from labpage import LabPage
from parts import Explorer
from playwright.sync_api import expect


def test_running_a_prompt(page: LabPage, explorer: Explorer, python: Kernel) -> None:
    explorer.prompt.fill("for i in range(10): for j in range(")
    explorer.run.click()
    page.wait_until(
        lambda: python.value("w.prompt") == "for i in range(10): for j in range(", "the trait"
    )
    expect(explorer.tokens).to_have_count(python.value("len(w._prompts[0]['tokens'])"))
    expect(explorer.root.get_by_text("computing …")).to_have_count(0)
    expect(explorer.alerts).to_have_count(0)
    last = python.value("len(w._prompts[0]['tokens']) - 1")
    expect(explorer.predictions).to_contain_text(f"after position {last}")


def test_ctrl_enter_runs_the_prompt_and_not_the_cell(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    explorer.prompt.fill("import os, import os")
    explorer.prompt.press("Control+Enter")
    page.wait_until(lambda: python.value("w.prompt") == "import os, import os", "the trait")
    expect(explorer.prompt).to_be_focused()


def test_a_prompt_that_cannot_run(
    explorer: Explorer, python: Kernel, subtests: pytest.Subtests
) -> None:
    for text, complaint in (("", "The prompt is empty"), ("word " * 300, "takes at most")):
        with subtests.test(complaint):
            is_refused(explorer, python, text, complaint)


def is_refused(explorer: Explorer, python: Kernel, text: str, complaint: str) -> None:
    head = "L{}H{}".format(*python.value("w.heads")[0])
    prompt, count = python.value("w.prompt"), python.value("len(w._prompts[0]['tokens'])")
    expect(explorer.tokens).to_have_count(count)
    picture = explorer.picture(head)
    explorer.prompt.fill(text)
    explorer.run.click()
    expect(explorer.alerts.filter(has_text=complaint)).to_be_visible()
    if text:
        expect(explorer.alerts.filter(has_text=complaint)).to_contain_text(
            str(python.value("w._series[0]['context']"))
        )
    assert python.value("w.prompt") == prompt
    assert explorer.tokens.count() == count
    assert explorer.picture(head) == picture
    # The next good prompt takes the message away.
    explorer.prompt.fill("if x: if x")
    explorer.run.click()
    expect(explorer.alerts).to_have_count(0)


HOSTILE = {
    "markup": "<img src=x onerror=window.__pwned=1><script>window.__pwned=1</script>",
    "quotes": "' \" ` </textarea> &amp; ${window.__pwned=1}",
    "control characters": "a\x00\x07\x1b[31m\tb\r\nc\x7f",
    "right to left": "שלום \u202eעולם abc مرحبا",
    "half characters": "🦜 é 漢字 \u200b\ufeff",
}


def test_hostile_text_is_shown_and_not_run(
    explorer: Explorer, python: Kernel, subtests: pytest.Subtests
) -> None:
    explorer.tokens.first.wait_for()
    for name, text in HOSTILE.items():
        with subtests.test(name):
            is_shown_and_not_run(explorer, python, text)


def is_shown_and_not_run(explorer: Explorer, python: Kernel, text: str) -> None:
    before = python.value("len(w._prompts[0]['tokens'])")
    python.run(f"w.prompt = {text!r}")
    count = python.value("len(w._prompts[0]['tokens'])")
    assert count != before, "it cannot be seen that the page shows this text"
    expect(explorer.tokens).to_have_count(count)
    expect(explorer.root.get_by_text("computing …")).to_have_count(0)
    explorer.tokens.last.hover()
    expect(explorer.status).to_contain_text("attends")
    assert explorer.page.evaluate("window.__pwned") is None
    assert explorer.root.locator("img, script").count() == 0
    assert explorer.root.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    # Every token has a box that can be seen and pointed at.
    boxes = [explorer.tokens.nth(i).bounding_box() for i in range(explorer.tokens.count())]
    assert all(box is not None and box["width"] > 3 and box["height"] > 8 for box in boxes)
    # No raw control character reaches the page.
    shown = explorer.tokens.evaluate_all("all => all.map(e => e.textContent).join('')")
    assert not any(ord(c) < 0x20 or c in "\x7f\u200b\u202e\ufeff" for c in shown)


def test_hostile_text_typed_by_the_reader(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    text = HOSTILE["markup"]
    explorer.prompt.fill(text)
    explorer.run.click()
    page.wait_until(lambda: python.value("w.prompt") == text, "the trait")
    expect(explorer.tokens).to_have_count(python.value("len(w._prompts[0]['tokens'])"))
    assert explorer.page.evaluate("window.__pwned") is None
    assert explorer.root.locator("img, script").count() == 0
