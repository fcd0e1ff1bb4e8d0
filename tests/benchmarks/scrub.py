"""How long a frame takes while the slider scrubs through a series, in JupyterLab in Chromium.

    python tests/benchmarks/scrub.py [--runs 5] [--json scrub.json]

The widget shows all checkpoints of attn-only-2l with a prompt of 64 tokens and two heads selected.
Three things are measured, because headless Chromium draws 60 frames a second whether it has work
or not, and an interval of 16.7 ms then says nothing:

frame time      the frame-rate limit off, one checkpoint further in every animation frame: the time
                from one frame to the next is what a frame costs, script, style, layout, paint and
                raster. This is what the criterion, p95 < 16.7 ms, is about.
frame interval  the limit on, real keys, a real mouse and Play: time between frames as a reader gets
                them. Late: longer than one and a half frames. Idle runs in between tell what the
                machine does to it by itself.
main thread     CPU time of the page's main thread for one checkpoint moved, from Chromium's own
                counters, less what idle runs of the same length take. Other processes on the
                machine do not show in it; threads that raster and composite do not either.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import kernel
from lab import Lab, serve
from labpage import LabPage, browser, open_notebook, write_notebook
from parts import Explorer
from playwright.sync_api import expect

BUDGET_MS = 1000 / 60
#: Chromium draws frames as fast as it can.
UNCAPPED = ("--disable-frame-rate-limit", "--disable-gpu-vsync")
LATE_MS = 1.5 * BUDGET_MS
TOKENS = 64
IDLE_MS = 1500

SETUP = f"""\
from induction_explorer import InductionExplorer, load_demo
from induction_kernels.inputs.tokenization import prompt_tokens
series = load_demo("attn-only-2l")
text = 3 * "def area(width, height):\\n    return width * height\\n\\n"
model = series.model(-1)
prompt = next(
    text[:n] for n in range(len(text)) if prompt_tokens(model, text[:n + 1]).shape[1] > {TOKENS}
)
w = InductionExplorer(series, prompt=prompt, heads=[[0, 3], [1, 2]])
w.wait()
"""

# Moves the slider one checkpoint in every animation frame, there and back; when each frame began.
EVERY_FRAME = """\
(slider) => new Promise((resolve) => {
  const last = Number(slider.max), times = [];
  const stops = [...Array(last + 1).keys()];
  const order = [...stops, ...stops.toReversed().slice(1)];
  const tick = () => {
    times.push(performance.now());
    const stop = order[times.length - 1];
    if (stop === undefined) return resolve(times);
    slider.value = stop;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
})"""
# As many frames that change a single pixel: without any change, Chromium goes back to 60 a second.
PIXEL_FRAMES = """\
(slider) => new Promise((resolve) => {
  const times = [];
  const pixel = document.body.appendChild(document.createElement("div"));
  pixel.style.cssText = "position: fixed; width: 1px; height: 1px; z-index: 1000";
  const tick = () => {
    times.push(performance.now());
    if (times.length > 2 * Number(slider.max) + 1) return resolve(times, pixel.remove());
    pixel.style.background = times.length % 2 ? "black" : "white";
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
})"""
WATCH = """\
(slider) => {
  const watch = (window.watch = { times: [], moves: 0, on: true });
  const observer = new MutationObserver(() => watch.moves++);
  observer.observe(slider, { attributes: true, attributeFilter: ["aria-valuetext"] });
  const tick = () => {
    watch.times.push(performance.now());
    if (watch.on) requestAnimationFrame(tick);
    else observer.disconnect();
  };
  requestAnimationFrame(tick);
}"""
# Asked once, answered when it is over: polling would be work on the thread that is measured.
PLAYED = """\
(button) => new Promise((resolve) => {
  const observer = new MutationObserver(() => {
    if (button.ariaLabel === "Play") resolve(observer.disconnect());
  });
  observer.observe(button, { attributes: true });
  button.click();
})"""
WATCHED = "() => { window.watch.on = false; return [window.watch.times, window.watch.moves]; }"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write every number there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as lab:
        write_notebook(lab, "scrub.ipynb", SETUP, "display(w)")
        lab.run_notebook("scrub.ipynb", lambda _: None)
        print(machine(), flush=True)
        uncapped = frame_times(lab, options.runs)
        capped = frame_intervals(lab, options.runs)
    judge(percentile(uncapped["scrubbing"], 95))
    if options.json:
        found = {"frame_time_ms": uncapped, **capped, "machine": machine()}
        options.json.write_text(json.dumps(found, indent=1))


def frame_times(lab: Lab, runs: int) -> dict[str, list[list[float]]]:
    """Milliseconds from frame to frame with the limit off, run by run."""
    found: dict[str, list[list[float]]] = {"scrubbing": [], "one pixel": []}
    with (
        browser(*UNCAPPED) as chrome,
        open_notebook(chrome, lab, "scrub.ipynb") as page,
    ):
        view = ready(page)
        view.slider.evaluate(EVERY_FRAME)  # the first time, code is compiled
        for _ in range(runs):
            found["one pixel"].append(np.diff(view.slider.evaluate(PIXEL_FRAMES)).tolist())
            found["scrubbing"].append(np.diff(view.slider.evaluate(EVERY_FRAME)).tolist())
    print("\nframe time, ms (limit off, a checkpoint a frame)")
    for name, times in found.items():
        print(f"  {name:<10} {summary(times)}")
    return found


def frame_intervals(lab: Lab, runs: int) -> dict[str, Any]:
    """Milliseconds from frame to frame as a reader gets them, and main-thread time per move."""
    drivers: dict[str, Callable[[LabPage, Explorer], None]] = {
        "idle": lambda page, _: page.page.wait_for_timeout(IDLE_MS),
        "keys": press_through,
        "drag": drag_through,
        "play": play_through,
    }
    intervals: dict[str, list[list[float]]] = {name: [] for name in drivers}
    busy: dict[str, list[float]] = {name: [] for name in drivers}
    moves: dict[str, list[int]] = {name: [] for name in drivers}
    with browser() as chrome, open_notebook(chrome, lab, "scrub.ipynb") as page:
        view = ready(page)
        counters = page.page.context.new_cdp_session(page.page)
        counters.send("Performance.enable", {"timeDomain": "threadTicks"})
        idle_share = 0.0
        for run in range(runs + 1):
            for name, drive in drivers.items():
                view.slider.focus()
                page.page.keyboard.press("Home")
                expect(view.slider).to_have_value("0")
                view.slider.evaluate(WATCH)
                before = busy_seconds(counters)
                drive(page, view)
                after = busy_seconds(counters)
                times, moved = page.page.evaluate(WATCHED)
                if run == 0:  # the first time, code is compiled
                    continue
                elapsed = times[-1] - times[0]
                spent = 1000 * (after - before)
                if name == "idle":
                    idle_share = spent / elapsed
                else:
                    busy[name].append((spent - idle_share * elapsed) / max(1, moved))
                intervals[name].append(np.diff(times).tolist())
                moves[name].append(moved)
    print("\nframe interval, ms (60 Hz, real input)")
    for name, times in intervals.items():
        late = sum(t > LATE_MS for run in times for t in run)
        print(f"  {name:<10} {summary(times)}; {late} late, {sum(moves[name])} moves")
    print("\nmain thread, ms of CPU a move (mean of each run)")
    for name in ("keys", "drag", "play"):
        print(
            f"  {name:<10} {np.mean(busy[name]):.1f} ({min(busy[name]):.1f}–{max(busy[name]):.1f})"
        )
    return {"frame_interval_ms": intervals, "main_thread_ms_a_move": busy, "moves": moves}


def ready(page: LabPage) -> Explorer:
    """The explorer with every pattern that the scrub will need."""
    view = Explorer(page.page)
    expect(view.tokens).to_have_count(TOKENS)
    expect(view.patterns).to_have_count(2)
    view.wait_until_computed()
    # In view, as for a reader: what is off the screen is not painted.
    view.slider.scroll_into_view_if_needed()
    with kernel.connect(page.kernel_file()) as python:
        page.wait_until(lambda: python.value("w._status['state']") == "ready", "an idle kernel")
    return view


def press_through(page: LabPage, view: Explorer) -> None:
    for _ in range(int(view.slider.get_attribute("max") or 0)):
        page.page.keyboard.press("ArrowRight")


def drag_through(page: LabPage, view: Explorer) -> None:
    box = view.slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.page.mouse.move(box["x"] + 8, middle)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + box["width"] - 8, middle, steps=60)
    page.page.mouse.up()


def play_through(page: LabPage, view: Explorer) -> None:
    view.play.evaluate(PLAYED)


def busy_seconds(counters: Any) -> float:
    metrics = counters.send("Performance.getMetrics")["metrics"]
    return next(m["value"] for m in metrics if m["name"] == "TaskDuration")


def percentile(runs: list[list[float]], share: float) -> float:
    return float(np.percentile(np.concatenate(runs), share))


def summary(runs: list[list[float]]) -> str:
    """p50, p95 and max over all frames, and how the p95 of single runs spread."""
    p95s = [percentile([run], 95) for run in runs]
    return (
        f"p50 {percentile(runs, 50):5.1f}  p95 {percentile(runs, 95):5.1f} "
        f"(runs {min(p95s):.1f}–{max(p95s):.1f})  max {percentile(runs, 100):5.1f}  "
        f"of {sum(map(len, runs))} frames in {len(runs)} runs"
    )


def judge(p95: float) -> None:
    """Say whether the slowest frames but a twentieth are quick enough."""
    verdict = "met" if p95 < BUDGET_MS else "NOT met"
    print(f"\nCriterion, p95 frame time < {BUDGET_MS:.1f} ms: {verdict} ({p95:.1f} ms)")


def machine() -> str:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}"


if __name__ == "__main__":
    main()
