"""What a reader waits for, and what a page is sent, beside CircuitsVis and BertViz.

    make others            # or: python tests/benchmarks/others.py [--runs 3] [--json found.json]

Each tool in a notebook and a kernel of its own, in one JupyterLab and one Chromium: a cell displays
one prompt on a model with random weights, 12 layers of 12 heads or one layer of 12, 16 dimensions
a head. CircuitsVis and BertViz are given the patterns; scores and patterns of ours are computed
within the time. First picture: the first pattern that is drawn (BertViz: its lines). Complete:
every head's (ours: scores of all heads, the patterns of those selected, predictions; another head's
pattern comes when it is pointed at). Bytes are those of all messages between page and kernel until
then, and for BertViz of the scripts that it loads from a CDN, which are served from this machine.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from lab import Lab, serve
from labpage import LabPage, browser, open_notebook, write_notebook
from playwright.sync_api import Browser, CDPSession, Route
from playwright.sync_api import TimeoutError as PageIsSilent
from scrub import WATCH, WATCHED, machine, percentile

INSTALLED = Path(__file__).parents[2] / "build" / "others"
#: What BertViz asks a CDN for, by the ends of the addresses.
SCRIPTS = {
    "require.min.js": "requirejs/require.js",
    "d3.min.js": "d3/dist/d3.min.js",
    "jquery.min.js": "jquery/dist/jquery.min.js",
}
SHAPES = {"144 heads x 128 tokens": (12, 128), "12 heads x 512 tokens": (1, 512)}
#: Of the same cell, for what it leaves in memory; fewer where they take longer than this together.
RERUNS, RERUN_SECONDS = 50, 60
MOVES = 60

PREPARE = """\
import sys, torch
sys.path.append({installed!r})
from transformers import GPT2Config, GPT2LMHeadModel
from induction_explorer import InductionExplorer, load_demo
from induction_kernels import as_model, attention_patterns
from induction_kernels.inputs.tokenization import prompt_tokens
tokenizer = load_demo("attn-only-2l").model(-1).tokenizer
torch.manual_seed(0)
module = GPT2LMHeadModel(GPT2Config(
    n_layer={layers}, n_head=12, n_embd=192, n_positions=1024, vocab_size=len(tokenizer),
    bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.bos_token_id,
)).eval()
model = as_model(module, tokenizer)
words = "def area(width, height): return width * height " * 100
def ids_of(n): return prompt_tokens(model, words[:n])
n = next(n for n in range(1, len(words)) if ids_of(n).shape[1] == {tokens})
text, ids = words[:n], ids_of(n)
strings = tokenizer.convert_ids_to_tokens(ids[0].tolist())
heads = [(layer, head) for layer in range({layers}) for head in range(12)]
patterns = attention_patterns(model, ids, heads)
"""


@dataclass(frozen=True)
class Tool:
    """Attributes:
    cell: displays it.
    first: JavaScript: whether a pattern is drawn.
    complete: JavaScript: whether all of it is; `heads` is how many heads there are.
    picture: selector of what one points at.
    """

    cell: str
    first: str
    complete: str
    picture: str


TOOLS = {
    "Induction Explorer": Tool(
        "display(InductionExplorer(module, tokenizer=tokenizer, prompt=text))",
        "all('[role=img][aria-label^=\"Attention pattern\"]').some(drawn)",
        "all('[role=img][aria-label^=\"Attention pattern\"]').every(drawn)"
        " && all('[role=gridcell][aria-label*=\".\"]').length === heads"
        " && all('[role=progressbar]').length === 0"
        " && !/computing …|waiting/.test(output().innerText)",
        "[role=img][aria-label^='Attention pattern']",
    ),
    "CircuitsVis": Tool(
        "from circuitsvis.attention import attention_heads\n"
        "display(attention_heads(attention=patterns, tokens=strings))",
        "all('canvas').some(drawn)",
        "all('canvas').filter(drawn).length >= heads",
        "canvas",
    ),
    "BertViz": Tool(
        "from bertviz import head_view\n"
        "head_view([p[None] for p in patterns.unflatten(0, (-1, 12))], strings)",
        "all('svg line').length > 0",
        "all('svg line').length > 0",
        "svg",
    ),
}

# Runs the selected cell; how many milliseconds until a picture was there, all of it was, and the
# page was free again.
RUN = """\
async ([first, complete, heads, patience]) => {
  const { commands } = jupyterapp;
  await commands.execute("notebook:clear-cell-output");
  const output = () => document.querySelectorAll(".jp-CodeCell")[1].querySelector(".jp-OutputArea");
  const all = (selector) => [...output().querySelectorAll(selector)];
  const drawn = (canvas) => {
    if (!canvas.width || !canvas.height) return false;
    const empty = document.createElement("canvas");
    [empty.width, empty.height] = [canvas.width, canvas.height];
    return canvas.toDataURL() !== empty.toDataURL();
  };
  const isThere = eval(`() => ${first}`), isComplete = eval(`() => ${complete}`);
  const began = performance.now(), since = () => performance.now() - began;
  const until = async (isTrue) => {
    while (!isTrue()) {
      if (all("[data-mime-type$='error']").length) throw new Error(output().innerText);
      if (since() > patience) return Infinity;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return since();
  };
  void commands.execute("notebook:run-cell");
  const seen = await until(isThere), whole = await until(isComplete);
  await new Promise((resolve) => setTimeout(() => requestAnimationFrame(resolve)));
  return [seen, whole, since()];
}"""
START = f"""\
(question) => {{
  window.found = null;
  ({RUN})(question).then(
    (times) => (window.found = {{ times }}),
    (error) => (window.found = {{ error: `${{error}}` }}),
  );
}}"""
PATIENCE_MS = 300_000
#: For the page to say so itself: where its script is busy all that time, nobody hears from it.
LIMIT_MS = PATIENCE_MS + 60_000


@dataclass
class Found:
    """Of one tool and shape, run by run.

    Attributes:
        seconds: until the first picture, all of it, and until the page was free again; none where
            nothing was drawn in time.
        bytes: until all of it, and three seconds later.
        frames: between two frames while one points at it, ms.
        heap: bytes that each run of the cell after the first left in the page.
        reruns: of how many.
    """

    seconds: list[tuple[float, float, float]] = field(default_factory=list)
    bytes: list[tuple[int, int]] = field(default_factory=list)
    frames: list[float] = field(default_factory=list)
    heap: float = 0
    reruns: int = 0

    def row(self) -> dict[str, float | None]:
        """Medians of the runs: seconds, and bytes; None of what did not come."""
        seconds = list(zip(*self.seconds, strict=True))
        first, whole, free = map(median, seconds) if seconds else (None, None, None)
        complete, later = (median(column) for column in zip(*self.bytes, strict=True))
        return {
            "first picture, s": first,
            "complete, s": whole,
            "page free, s": free,
            "sent until complete, MB": complete / 1e6,
            "sent in all, MB": later / 1e6,
            "frame while pointing, p95, ms": percentile([self.frames], 95) if self.frames else None,
            "left in the page by a re-run, MB": self.heap / 1e6 if self.reruns else None,
            "re-runs": self.reruns,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write what was found there")
    options = parser.parse_args()
    runs = options.runs
    print(machine(), flush=True)
    shapes: dict[str, dict[str, Found]] = {}
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as lab, browser() as chrome:
        for shape, (layers, tokens) in SHAPES.items():
            found = shapes[shape] = {name: Found() for name in TOOLS}
            for run in range(runs):
                for name, tool in TOOLS.items():
                    measure(lab, chrome, tool, layers, tokens, found[name], last=run == runs - 1)
            print(f"\n{shape}")
            for name, one in found.items():
                print(line(name, one), flush=True)
            judge(found)
    if options.json:
        tables = {
            shape: {name: one.row() for name, one in found.items()}
            for shape, found in shapes.items()
        }
        options.json.write_text(json.dumps({"machine": machine(), "shapes": tables}, indent=1))


def measure(
    lab: Lab, chrome: Browser, tool: Tool, layers: int, tokens: int, found: Found, *, last: bool
) -> None:
    prepare = PREPARE.format(installed=str(INSTALLED), layers=layers, tokens=tokens)
    notebook = write_notebook(lab, "others.ipynb", prepare, tool.cell)
    with open_notebook(chrome, lab, notebook) as page:
        served: list[int] = []
        page.page.route(
            "https://cdnjs.cloudflare.com/**", lambda route: serve_script(route, served)
        )
        page.command("notebook:run-cell-and-select-next")
        question = [tool.first, tool.complete, 12 * layers, PATIENCE_MS]
        page.traffic.take()
        seconds = run(page, question)
        complete = sent(page, served)
        if seconds is None:
            found.bytes.append((complete, complete))
            return
        page.page.wait_for_timeout(3000)
        found.seconds.append(seconds)
        found.bytes.append((complete, sent(page, served)))
        if last:
            found.frames = frames(page, tool)
            found.heap, found.reruns = heap_of_reruns(page, question)
    lab.api("DELETE", f"kernels/{lab.kernel_of(notebook)}")


def run(page: LabPage, question: list[Any]) -> tuple[float, float, float] | None:
    """Seconds as `RUN` measures them; None where nothing is drawn in time, or the page is too busy
    to say."""
    page.page.evaluate(START, question)
    try:
        found = page.page.wait_for_function("window.found", timeout=LIMIT_MS).json_value()
    except PageIsSilent:
        return None
    if "error" in found:
        raise RuntimeError(found["error"])
    first, whole, free = (value / 1000 for value in found["times"])
    return (first, whole, free) if math.isfinite(whole) else None


def serve_script(route: Route, served: list[int]) -> None:
    script = INSTALLED / "node_modules" / SCRIPTS[route.request.url.rpartition("/")[2]]
    served.append(script.stat().st_size)
    route.fulfill(path=script, content_type="text/javascript")


def sent(page: LabPage, served: list[int]) -> int:
    """Bytes of messages both ways, and of scripts."""
    return sum(len(payload) for _, payload in page.traffic.frames) + sum(served)


def frames(page: LabPage, tool: Tool) -> list[float]:
    """Milliseconds between frames while the mouse crosses the first picture."""
    box = page.page.locator(f".jp-CodeCell:nth-child(2) {tool.picture}").first
    box.scroll_into_view_if_needed()
    place = box.bounding_box()
    assert place is not None
    page.page.evaluate(WATCH, page.page.query_selector("body"))
    for move in range(MOVES):
        part = (move + 0.5) / MOVES
        page.page.mouse.move(
            place["x"] + part * place["width"], place["y"] + part * place["height"]
        )
    times, _ = page.page.evaluate(WATCHED)
    return np.diff(times).tolist()


def heap_of_reruns(page: LabPage, question: list[Any]) -> tuple[float, int]:
    counters = page.page.context.new_cdp_session(page.page)
    counters.send("Performance.enable")
    before, began = heap(counters), time.monotonic()
    reruns = 0
    while reruns < RERUNS and time.monotonic() - began < RERUN_SECONDS:
        if run(page, question) is None:
            break
        reruns += 1
    return (heap(counters) - before) / max(reruns, 1), reruns


def heap(counters: CDPSession) -> int:
    counters.send("HeapProfiler.collectGarbage")
    metrics = counters.send("Performance.getMetrics")["metrics"]
    return next(int(one["value"]) for one in metrics if one["name"] == "JSHeapUsedSize")


def line(name: str, found: Found) -> str:
    known = [f"{what} {value:.3f}" for what, value in found.row().items() if value is not None]
    return f"  {name:<19}" + "; ".join(known)


def judge(found: dict[str, Found]) -> None:
    ours, theirs = found["Induction Explorer"].row(), found["CircuitsVis"].row()
    wanted = {"sent until complete, MB": 100, "first picture, s": 30}
    for what, times in wanted.items():
        there, here = theirs[what], ours[what]
        if there is not None and here is not None:
            print(f"  {what}: CircuitsVis' is {there / here:.0f} times ours (wanted: {times})")


if __name__ == "__main__":
    main()
