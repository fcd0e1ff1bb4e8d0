"""Makes docs/performance.md and its plot of what the benchmarks found.

python tests/benchmarks/report.py [docs/performance.json]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator

INK, MUTED, HAIRLINE = "#1c1c1c", "#666b73", "#e2e3e6"
CURVES = {
    "hooked_scores": ("run_with_hooks", "#b3344a"),
    "our_scores": ("our scores", "#0072b2"),
    "bare_forward": ("the model alone", "#8a8f98"),
    "our_sweep": ("our sweep", "#0072b2"),
}
MIB = 2**20

TEXT = """\
# Performance

Made by `make bench` from [performance.json](performance.json). Measured on {machine}.

Times are medians of the ratios of interleaved runs, with the middle half of them in brackets;
memory is the peak of a process of its own beyond the model and its inputs. Weights are
random. `tests/benchmarks/cases.py` shows what exactly is compared.

| what | size | ratio | wanted | |
|---|---:|---:|---:|---|
{rows}

![Time and peak memory against tokens and against checkpoints](performance.svg)

Scores read a few cells of each pattern from the row log-sum-exp that fused attention computes
anyway, A[q, k] = exp(S[q, k] - lse[q]), so their time is that of the model's forward pass without
its unembedding, and their memory grows with the length, not with its square. Scores of one batch
row of Pythia-70m's shape; the sweep is over the bundled attn-only-2l's shape, each checkpoint a
file on disk.

Sizes are rows x tokens; one row where there is one number. The default probe is 10 rows of 101
tokens. What is not met: for a single row on Pythia-70m's shape, detect_head's three passes cost
about seven bare forward passes, and our scores cost one; nothing that runs the model can cost less.

## Beside CircuitsVis and BertViz

{others}

## On a GPU

{gpu}
"""

NO_OTHERS = "Not measured yet: `make others`."

OTHERS = """\
Made by `make others` from [performance-others.json](performance-others.json): {machine}. Each
displays the same prompt on the same model with random weights in a JupyterLab. CircuitsVis and
BertViz are given the patterns; ours are computed within the time, scores and predictions as well.
CircuitsVis and BertViz send the patterns of every head; we send those that are looked at.
`tests/benchmarks/others.py` says what is counted.

{tables}"""

NO_GPU = """\
Not measured yet: no GPU was at hand. Where one is, `make bench` measures Pythia-1b's and Llama-8B's
shape on it in bfloat16 and float32, and `tests/kernels/test_gpu.py` compares every number with the
CPU's. Without one, those tests are skipped, and `tests/kernels/test_cuda_shapes.py` follows shapes,
dtypes and devices through the code for CUDA."""

GPU = """\
Made from [performance-gpu.json](performance-gpu.json). Measured on {machine}. Large matrix products
and copies ran at {rates}. The roofline is what arithmetic, or reading the weights once, takes at
these rates.

| what | size | ratio | wanted | | of the roofline |
|---|---:|---:|---:|---|---:|
{rows}

The wanted numbers were set before a GPU was at hand. Where tensor cores make the pass itself fast,
in half precision, what is left is the float32 arithmetic of the cells, which only moves memory.
Layers are read several at a time, with up to 128 MiB of their queries and keys kept for it.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("json", type=Path, nargs="?", default=Path("docs/performance.json"))
    path = parser.parse_args().json
    found = json.loads(path.read_text())
    on_gpu = path.with_name("performance-gpu.json")
    gpu = json.loads(on_gpu.read_text()) if on_gpu.exists() else None
    beside = path.with_name("performance-others.json")
    others = json.loads(beside.read_text()) if beside.exists() else None
    path.with_suffix(".md").write_text(page(found, gpu, others))
    plot(found["growth"], path.with_suffix(".svg"))


def page(found: dict[str, Any], gpu: dict[str, Any] | None, others: dict[str, Any] | None) -> str:
    return TEXT.format(
        machine=described(found["machine"]),
        rows="\n".join(map(row, found["speed"] + found["memory"])),
        gpu=NO_GPU if gpu is None else gpu_part(gpu),
        others=NO_OTHERS if others is None else others_part(others),
    )


def others_part(others: dict[str, Any]) -> str:
    tables = [table(shape, tools) for shape, tools in others["shapes"].items()]
    return OTHERS.format(machine=others["machine"], tables="\n\n".join(tables))


def _number(value: float | None) -> str:
    """None of what did not come in the time that `others.py` gives it."""
    return "-" if value is None else f"{value:,.3g}"


def table(shape: str, tools: dict[str, dict[str, float | None]]) -> str:
    head = [f"| {shape} | " + " | ".join(tools) + " |", "|---|" + "---:|" * len(tools)]
    rows = [
        f"| {what} | " + " | ".join(_number(tool[what]) for tool in tools.values()) + " |"
        for what in next(iter(tools.values()))
    ]
    return "\n".join(head + rows)


def gpu_part(gpu: dict[str, Any]) -> str:
    rates = "; ".join(
        f"{rate['flops'] / 1e12:.0f} TFLOP/s and {rate['bytes'] / 1e9:,.0f} GB/s in {dtype}"
        for dtype, rate in gpu["rates"].items()
    )
    shares = [f"{line['roofline']:.0%}" if "roofline" in line else "" for line in gpu["lines"]]
    rows = [f"{row(line)} {share} |" for line, share in zip(gpu["lines"], shares, strict=True)]
    return GPU.format(machine=described(gpu["machine"]), rates=rates, rows="\n".join(rows))


def described(machine: dict[str, Any]) -> str:
    return (
        f"{machine['date']}: {machine['processor']}, {machine['cores']} cores, GPU "
        f"{machine['gpu']}, Python {machine['python']}, torch {machine['torch']}, Transformers "
        f"{machine['transformers']}, TransformerLens {machine['transformer_lens']}"
    )


def row(line: dict[str, Any]) -> str:
    spread = f" ({line['low']:.2f}–{line['high']:.2f})" if "low" in line else ""
    verdict = "met" if line["met"] else "**not met**"
    rows = line.get("rows", 1)
    size = f"{line['n']:,}" if rows == 1 else f"{rows} x {line['n']:,}"
    cells = [line["name"], size, f"{line['ratio']:.2f}{spread}", wanted(line), verdict]
    return "| " + " | ".join(cells) + " |"


def wanted(line: dict[str, Any]) -> str:
    return f"≥ {line['at_least']:g}" if "at_least" in line else f"≤ {line['at_most']:.2f}"


def plot(growth: dict[str, list[dict[str, Any]]], path: Path) -> None:
    mpl.rcParams |= {
        "font.family": "sans-serif", "font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "ie",
        "axes.edgecolor": HAIRLINE, "axes.labelcolor": MUTED, "text.color": INK,
        "xtick.color": MUTED, "ytick.color": MUTED, "axes.titlesize": 10,
    }  # fmt: skip
    figure, panels = plt.subplots(2, 2, figsize=(9, 6), layout="constrained")
    (time, memory), (sweep, sweep_memory) = panels
    by_tokens = ["hooked_scores", "our_scores", "bare_forward"]
    draw(time, growth, by_tokens, "seconds", 1, "Time, seconds", "tokens")
    draw(
        memory, growth, ["hooked_scores", "our_scores"], "bytes", MIB, "Peak memory, MiB", "tokens"
    )
    draw(sweep, growth, ["our_sweep"], "seconds", 1, "Sweep, seconds", "checkpoints")
    draw(sweep_memory, growth, ["our_sweep"], "bytes", MIB, "Sweep, peak MiB", "checkpoints")
    sweep_memory.set_ylim(1, 100)
    figure.savefig(path, metadata={"Date": None})


def draw(
    axes: Any,
    growth: dict[str, list[dict[str, Any]]],
    cases: list[str],
    value: str,
    unit: float,
    title: str,
    what: str,
) -> None:
    for case in cases:
        name, color = CURVES[case]
        points = growth[case]
        x = [point["n"] for point in points]
        y = [max(point[value] / unit, 0.001) for point in points]
        width = 3.5 if case == "bare_forward" else 1.8
        order = 1 if case == "bare_forward" else 2
        axes.plot(x, y, color=color, linewidth=width, zorder=order, label=name)
        axes.plot(x, y, "o", color=color, markersize=3, zorder=order)
    axes.set(xscale="log", yscale="log", xlabel=f"{what}, log scale")
    axes.set_title(title, loc="left", fontweight="bold")
    axes.grid(axis="y", color=HAIRLINE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(which="both", length=0)
    axes.minorticks_off()
    ticks = [129, 1025, 4097, 16_385] if what == "tokens" else [1, 5, 30, 154]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    if len(cases) > 1:
        axes.legend(loc="upper left", frameon=False, fontsize=8, handlelength=1.2)


if __name__ == "__main__":
    main()
