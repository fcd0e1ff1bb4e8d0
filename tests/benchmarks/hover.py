"""How long a frame takes while what is large is pointed at, dragged or moved.

    python tests/benchmarks/hover.py [--runs 5]

In headless Chromium. The page is the harness of js/dev with made-up numbers: 32 layers of 32 heads
at 154 checkpoints, through which the slider is also dragged, a checkpoint a frame; a prompt of
1,933 tokens, of which another is pointed at in every frame, and a row of 512 on the page of a head;
and for the pattern a prompt of 4,096 tokens, of which 1,800 are seen at a time, on screens of one
and of two pixels to a CSS pixel, moved by an eighth of what is seen in every frame.
The frame-rate limit is off, the pointer moves in every frame and one pixel changes (without any
change Chromium goes back to 60 frames a second), so the time from one frame to the next is what a
frame costs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from labpage import browser
from playwright.sync_api import Browser, Page
from scrub import EVERY_FRAME, UNCAPPED, judge, machine, percentile, summary

ROOT = Path(__file__).parents[2]
HARNESS = "http://127.0.0.1:8123/"
FRAMES = 150

# Moves the pointer over the chart, left to right and back on a wave, one place a frame.
HOVER = """\
([chart, frames]) => new Promise((resolve) => {
  const box = chart.getBoundingClientRect(), times = [];
  const pixel = document.body.appendChild(document.createElement("div"));
  pixel.style.cssText = "position: fixed; top: 0; width: 1px; height: 1px; z-index: 1000";
  const tick = () => {
    const at = times.push(performance.now());
    if (at > frames) return resolve(times, pixel.remove());
    pixel.style.background = at % 2 ? "black" : "white";
    const t = at / frames;
    const place = {
      bubbles: true,
      clientX: box.left + box.width * (0.05 + 0.8 * Math.abs(1 - 2 * t)),
      clientY: box.top + box.height * (0.5 + 0.4 * Math.sin(20 * t)),
    };
    chart.dispatchEvent(new PointerEvent("pointermove", place));
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
})"""

# Points at another token in every frame, up and down the prompt.
POINT = """\
([list, frames]) => new Promise((resolve) => {
  const tokens = list.querySelectorAll("[role=option]"), times = [];
  const tick = () => {
    const at = times.push(performance.now());
    if (at > frames) return resolve(times);
    const token = Math.floor(tokens.length * Math.abs(Math.sin(at / 20)));
    tokens[token].dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
})"""

# Moves an enlarged pattern by its keys, around a square, one key a frame.
PAN = """\
([cells, frames]) => new Promise((resolve) => {
  const times = [];
  const ways = ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"];
  const tick = () => {
    const at = times.push(performance.now());
    if (at > frames) return resolve(times);
    const key = ways[Math.floor(at / 8) % 4];
    cells.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    print(machine(), flush=True)
    with harness(), browser(*UNCAPPED) as chrome:
        page = chrome.new_page(viewport={"width": 1200, "height": 900})
        page.goto(f"{HARNESS}?case=huge")
        page.wait_for_selector(".ie-curves .ie-chart")
        worst = 0.0
        for title, selector in (
            ("1,024 head curves x 154 checkpoints", ".ie-curves .ie-chart"),
            ("loss PCA, 154 checkpoints", "[role=tabpanel] .ie-chart"),
            ("scatter of 1,024 heads with trails", "[role=tabpanel] .ie-chart"),
        ):
            for tab in ("Loss PCA", "Scatter"):
                if tab.split()[-1].lower() in title.lower():
                    page.get_by_role("tab", name=tab).click()
            times = hovered(page, selector, runs)
            worst = max(worst, percentile(times, 95))
            print(f"{title:<38} {summary(times)}", flush=True)
        for title, times in (
            ("slider through 32 x 32 x 154", dragged(page, runs)),
            ("tokens of a prompt of 1,933", pointed(chrome, runs, "", "Tokens")),
            ("page of a head, 512 tokens", pointed(chrome, runs, "&tab=head_page", "Row 1")),
        ):
            worst = max(worst, percentile(times, 95))
            print(f"{title:<38} {summary(times)}", flush=True)
        for ratio in (1, 2):
            times = panned(chrome, ratio, runs)
            worst = max(worst, percentile(times, 95))
            print(f"{f'pattern of 4,096 tokens, scale {ratio}':<38} {summary(times)}", flush=True)
    judge(worst)


def hovered(page: Page, selector: str, runs: int) -> list[list[float]]:
    """Milliseconds from frame to frame, run by run; a first run compiles the code."""
    chart = page.wait_for_selector(selector)
    page.wait_for_timeout(1500)
    found = [page.evaluate(HOVER, [chart, FRAMES]) for _ in range(runs + 1)]
    return [np.diff(times).tolist() for times in found[1:]]


def dragged(page: Page, runs: int) -> list[list[float]]:
    """The same while the slider moves."""
    slider = page.get_by_role("slider", name="Checkpoint")
    slider.scroll_into_view_if_needed()
    found = [slider.evaluate(EVERY_FRAME) for _ in range(runs + 1)]
    return [np.diff(times).tolist() for times in found[1:]]


def pointed(chrome: Browser, runs: int, query: str, listed: str) -> list[list[float]]:
    """The same while tokens of a list of this name are pointed at."""
    page = chrome.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{HARNESS}?case=long{query}")
    tokens = page.wait_for_selector(f"[role=listbox][aria-label='{listed}']")
    tokens.scroll_into_view_if_needed()
    page.wait_for_timeout(3000)
    found = [page.evaluate(POINT, [tokens, FRAMES]) for _ in range(runs + 1)]
    page.close()
    return [np.diff(times).tolist() for times in found[1:]]


def panned(chrome: Browser, ratio: int, runs: int) -> list[list[float]]:
    """The same while the enlarged pattern is moved, on a screen of this scale."""
    page = chrome.new_page(viewport={"width": 1440, "height": 900}, device_scale_factor=ratio)
    page.goto(f"{HARNESS}?case=longest")
    page.get_by_role("img", name="Attention pattern L1H1").click()
    cells = page.wait_for_selector("dialog [role=application]")
    page.wait_for_function("c => c.querySelector('canvas').width > 300", arg=cells)
    page.wait_for_timeout(4000)
    for _ in range(2):
        page.keyboard.press("+")
    found = [page.evaluate(PAN, [cells, FRAMES]) for _ in range(runs + 1)]
    page.close()
    return [np.diff(times).tolist() for times in found[1:]]


@contextmanager
def harness() -> Iterator[None]:
    server = subprocess.Popen(["node", "js/build.mjs", "--dev"], cwd=ROOT)
    try:
        for _ in range(100):
            try:
                urlopen(HARNESS, timeout=1)
                break
            except (URLError, OSError):
                time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
