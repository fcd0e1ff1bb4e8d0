"""Keys pressed in the widget do nothing to the notebook around it; the host keeps its own."""

from __future__ import annotations

import pytest
from harness import Harness
from labpage import LabPage
from lent_windows import Windows
from parts import Explorer
from playwright.sync_api import Page, expect

# By one of these a notebook deletes, inserts, merges, converts or runs a cell, or moves to another.
CELL_KEYS = [
    *("Delete", "Control+Delete", "Backspace", "Control+Backspace"),
    *("Enter", "Shift+Enter", "Alt+Enter", "Control+Enter", "Meta+Enter"),
    *("a", "b", "d", "x", "y", "m", "j", "k", "0", "Shift+M", "Shift+J", " "),
    *("ArrowUp", "ArrowDown", "Shift+ArrowDown", "Home", "End", "PageDown"),
]
HOST_KEYS = [
    *("F1", "F5", "Shift+F10", "Tab", "Shift+Tab", "Escape"),
    *("Control+s", "Control+p", "Control+Shift+P", "Control+z", "Meta+s", "Alt+F4"),
]

# Presses a key on everything that takes the focus; says where it then reached the window.
PRESS = """(pressed) => {
  const [key, ...modifiers] = pressed.split("+").reverse();
  const init = { key, bubbles: true, cancelable: true, composed: true };
  for (const modifier of modifiers) {
    init[`${modifier.replace("Control", "ctrl").toLowerCase()}Key`] = true;
  }
  const parts = document.querySelectorAll(
    ".ie :is(button, input, select, textarea, summary, [tabindex]):not(:disabled)");
  const reached = [];
  let name = "";
  const note = () => reached.push(name);
  window.addEventListener("keydown", note);
  for (const part of parts) {
    name = part.getAttribute("aria-label") ?? part.textContent;
    part.dispatchEvent(new KeyboardEvent("keydown", init));
  }
  window.removeEventListener("keydown", note);
  return [parts.length, reached];
}"""


#: What the last key did is drawn.
DRAWN = "() => new Promise(then => requestAnimationFrame(() => requestAnimationFrame(then)))"


@pytest.fixture
def window(windows: Windows, harness: Harness) -> Page:
    """Nothing is open or locked here."""
    page = windows.new_page()
    harness.open(page, case="2l", tab="wiring")
    return page


def test_keys_of_cells_stay_in_the_widget(window: Page, subtests: pytest.Subtests) -> None:
    for key in CELL_KEYS:
        with subtests.test(key=key):
            open_a_menu(window)
            parts, reached = window.evaluate(PRESS, key)
            assert parts > 60
            assert reached == []


def open_a_menu(window: Page) -> None:
    """Which some keys close, and others leave as it is."""
    window.evaluate(DRAWN)
    item = window.get_by_role("menuitem", name="CSV")
    if item.count() == 0:
        window.get_by_role("button", name="Save Attention patterns").click()
    item.wait_for()


def test_keys_of_the_host_go_through(window: Page, subtests: pytest.Subtests) -> None:
    for key in HOST_KEYS:
        with subtests.test(key=key):
            parts, reached = window.evaluate(PRESS, key)
            assert parts > 60
            assert len(reached) == parts


def test_escape_unlocks_a_token_first(window: Page) -> None:
    window.evaluate("addEventListener('keydown', (e) => { window.last = e.key })")
    token = window.get_by_role("listbox", name="Tokens").get_by_role("option").nth(3)
    token.click()
    expect(token).to_have_attribute("aria-selected", "true")
    window.evaluate("window.last = null")
    token.press("Escape")
    assert window.evaluate("window.last") is None
    token.press("Escape")
    assert window.evaluate("window.last") == "Escape"


def test_no_key_changes_the_notebook(page: LabPage, explorer: Explorer) -> None:
    """In JupyterLab: no command of the notebook runs, whatever has the focus; saving does."""
    page.page.evaluate(
        "() => { window.ran = [];"
        " jupyterapp.commands.commandExecuted.connect((_, { id }) => ran.push(id)) }"
    )
    before = cells(page)
    for part in (
        explorer.slider,
        explorer.play,
        explorer.root.locator(".ie-panel-title").first,
        explorer.root.get_by_role("button", name="Save Attention patterns"),
        explorer.cell("L0H0"),
        explorer.tokens.nth(2),
        explorer.prompt,
        explorer.measures.first,
    ):
        for key in ("Delete", "b", "d", "d", "a", "x", "Shift+m", "ArrowDown"):
            part.press(key)
        for key in ("Shift+Enter", "Alt+Enter", "Control+Enter"):
            part.press(key)
    assert [name for name in page.page.evaluate("ran") if name.startswith("notebook:")] == []
    assert cells(page) == before
    explorer.cell("L0H0").press("Control+s")
    page.wait_until(lambda: "docmanager:save" in page.page.evaluate("ran"), "the notebook saved")


def cells(page: LabPage) -> list[list[object]]:
    """Type, source and count of executions of every cell."""
    return page.page.evaluate(
        "() => [...jupyterapp.shell.currentWidget.content.model.cells]"
        ".map((c) => [c.type, c.sharedModel.getSource(), c.executionCount])"
    )
