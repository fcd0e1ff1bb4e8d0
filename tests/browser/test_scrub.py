"""The slider moves everything at once, by mouse, by keyboard and by Play."""

from kernel import Kernel
from labpage import LabPage
from parts import Explorer
from playwright.sync_api import expect

#: The slider's position is drawn in the next animation frame, canvases at the latest in the third.
FRAMES = """\
() => new Promise((resolve) => {
  let left = 5;
  const tick = () => (left-- > 0 ? requestAnimationFrame(tick) : resolve());
  tick();
})"""


#: By a hand that does not slow down when the machine does: these are over in one go.
MOVE_TEN_TIMES = """\
(slider) => {
  for (let i = 0; i < 10; i++) {
    slider.stepDown();
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }
}"""
PAUSE_IN_THE_MIDDLE = """\
(root) => new Promise((resolve) => {
  const slider = root.querySelector("[aria-label=Checkpoint]");
  const tick = () => {
    const [at, pause] = [+slider.value, root.querySelector("[aria-label=Pause]")];
    if (!pause || at === 0 || at === +slider.max) return requestAnimationFrame(tick);
    pause.click();
    resolve(at);
  };
  tick();
})"""


def test_keys_move_grid_pattern_and_trait(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    head = "L{}H{}".format(*python.value("w.heads")[0])
    names, picture = explorer.names(), explorer.picture(head)
    predictions = explorer.predictions.inner_text()
    explorer.slider.focus()
    page.page.keyboard.press("Home")
    expect(explorer.slider).to_have_attribute("aria-valuetext", "step 0 · 0 tokens")
    expect(explorer.cells.first).not_to_have_accessible_name(names[0])
    assert explorer.names() != names
    page.wait_until(lambda: explorer.picture(head) != picture, "another pattern")
    expect(explorer.predictions).not_to_have_text(predictions)
    page.wait_until(lambda: python.value("w.checkpoint") == 0, "the trait at 0")

    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("ArrowLeft")
    expect(explorer.slider).to_have_value("1")
    page.wait_until(lambda: python.value("w.checkpoint") == 1, "the trait at 1")

    page.page.keyboard.press("End")
    last = python.value("len(series) - 1")
    expect(explorer.slider).to_have_value(str(last))
    page.wait_until(lambda: python.value("w.checkpoint") == last, "the trait at the last")
    page.wait_until(lambda: explorer.names() == names, "the scores of the start")
    page.wait_until(lambda: explorer.picture(head) == picture, "the pattern of the start")


def test_keys_stay_in_the_widget(page: LabPage, explorer: Explorer) -> None:
    """The explorer is in the last cell; JupyterLab would go up from there."""
    active = page.page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
    explorer.cells.first.click()
    expect(active).to_contain_text("display(w)")
    page.page.keyboard.press("ArrowUp")
    explorer.slider.focus()
    page.page.keyboard.press("ArrowLeft")
    page.page.keyboard.press("ArrowUp")
    expect(explorer.slider).to_have_value(explorer.slider.get_attribute("max") or "")
    expect(active).to_contain_text("display(w)")
    expect(explorer.slider).to_be_focused()


def test_scrubbing_needs_no_kernel(page: LabPage, explorer: Explorer, python: Kernel) -> None:
    """Another cell runs; the patterns and predictions of every checkpoint are here already."""
    explorer.wait_until_computed()
    head = "L{}H{}".format(*python.value("w.heads")[-1])
    last = int(explorer.slider.get_attribute("max") or "")

    def seen() -> tuple[str, ...]:
        """What is drawn once a few frames have gone by."""
        page.page.evaluate(FRAMES)
        return (*explorer.names(), explorer.picture(head), explorer.predictions.inner_text())

    def scrub() -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = []
        for stop in range(1, last + 1, 2):
            explorer.slider.fill(str(stop))
            found.append(seen())
        return found

    page.wait_until(lambda: python.value("w._work.pending") == 0, "an idle kernel")
    with python.busy():
        while_busy = scrub()
    assert len(set(while_busy)) == len(while_busy)
    page.wait_until(
        lambda: python.value("w.checkpoint") == int(explorer.slider.input_value()), "the trait"
    )
    assert scrub() == while_busy


def test_dragging_with_the_mouse(page: LabPage, explorer: Explorer, python: Kernel) -> None:
    box = explorer.slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    mouse = page.page.mouse
    mouse.move(box["x"] + box["width"] - 8, middle)
    mouse.down()
    seen = set()
    for share in (0.8, 0.6, 0.4, 0.2):
        mouse.move(box["x"] + share * box["width"], middle, steps=3)
        seen.add(explorer.slider.get_attribute("aria-valuetext"))
    mouse.move(box["x"] + box["width"] / 2, middle)
    mouse.up()
    assert len(seen) == 4
    shown = int(explorer.slider.input_value())
    assert 0 < shown < python.value("len(series) - 1")
    page.wait_until(lambda: python.value("w.checkpoint") == shown, "the trait after the drag")


def test_dragging_tells_the_kernel_once_it_rests(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    python.run("moves = []; w.observe(lambda change: moves.append(change.new), 'checkpoint')")
    explorer.slider.evaluate(MOVE_TEN_TIMES)
    shown = int(explorer.slider.input_value())
    assert shown == python.value("len(series) - 1") - 10
    page.wait_until(lambda: python.value("w.checkpoint") == shown, "the trait")
    assert python.value("moves") == [shown]


def test_play_and_pause(page: LabPage, explorer: Explorer, python: Kernel) -> None:
    explorer.play.click()  # at the last checkpoint, it begins again
    stopped = explorer.root.evaluate(PAUSE_IN_THE_MIDDLE)
    assert 0 < stopped < python.value("len(series) - 1")
    expect(explorer.play).to_be_visible()
    page.wait_until(lambda: python.value("w.checkpoint") == stopped, "the trait")
    assert explorer.slider.input_value() == str(stopped)

    explorer.play.click()
    last = python.value("len(series) - 1")
    expect(explorer.slider).to_have_value(str(last))
    expect(explorer.play).to_be_visible()


def test_clicking_the_curves_jumps_to_a_checkpoint(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    box = explorer.figure.locator("svg").last.bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2)
    page.page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2)
    page.wait_until(
        lambda: 0 < int(explorer.slider.input_value()) < python.value("len(series) - 1"),
        "a checkpoint between the first and the last",
    )
