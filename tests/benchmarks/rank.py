"""How long a frame takes while the ranking of all heads scrolls, in headless Chromium.

    python tests/benchmarks/rank.py [--runs 5]

The page is the harness of js/dev with made-up numbers: 32 layers of 32 heads at 154 checkpoints.
The frame-rate limit is off and the list scrolls further in every frame, from its beginning to its
end, so the time from one frame to the next is what a frame costs.
"""

from __future__ import annotations

import argparse

import numpy as np
from hover import HARNESS, harness
from labpage import browser
from scrub import UNCAPPED, judge, machine, percentile, summary

FRAMES = 200

# Scrolls through the whole list; when each frame began, and the most rows there were at a time.
SCROLL = """\
([list, frames]) => new Promise((resolve) => {
  const end = list.scrollHeight - list.clientHeight, times = [];
  let rows = 0;
  const tick = () => {
    const at = times.push(performance.now());
    rows = Math.max(rows, list.querySelectorAll("[role=option]").length);
    if (at > frames) return resolve([times, rows]);
    list.scrollTop = (end * at) / frames;
    requestAnimationFrame(tick);
  };
  list.scrollTop = 0;
  requestAnimationFrame(tick);
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    print(machine(), flush=True)
    with harness(), browser(*UNCAPPED) as chrome:
        page = chrome.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{HARNESS}?case=huge")
        heads = page.wait_for_selector("[role=listbox][aria-label^='Heads by']")
        page.wait_for_timeout(1500)
        found = [page.evaluate(SCROLL, [heads, FRAMES]) for _ in range(runs + 1)][1:]
    times = [np.diff(each).tolist() for each, _ in found]
    rows = max(most for _, most in found)
    print(f"ranking of 1,024 heads, {rows} rows at a time   {summary(times)}")
    judge(percentile(times, 95))


if __name__ == "__main__":
    main()
