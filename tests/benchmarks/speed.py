"""How fast and how small the kernels are, beside what there was before.

    python tests/benchmarks/speed.py [--json docs/performance.json] [--quick]

Times are ratios of interleaved runs, memory is the peak of a process of its own beyond model and
inputs. With --json, `report.py` makes docs/performance.md of what was found.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from cases import CASES
from measure import interleaved, peak_bytes, ratio

# What is compared, as (title, case over case, sizes [(n, batch or flag)], limit, sizes it is for).
# A limit below 1.5 is an upper one: our time over the bare model's.
SPEED: list[dict[str, Any]] = [
    {
        "name": "scores over the bare forward pass",
        "cases": ("our_scores", "bare_forward"),
        "sizes": [(129, 8), (257, 4), (1025, 1), (4097, 1)],
        "runs": [15, 15, 11, 7],
        "at_most": [1.10, 1.10, 1.10, 1.10],
    },
    {
        "name": "selectivity for six classes over the bare forward pass",
        "cases": ("our_selectivities", "bare_forward_on_bigrams"),
        "sizes": [(256, 4), (256, 16)],
        "runs": [11, 7],
        "at_most": [1.15, 1.15],
    },
    {
        "name": "direct logit attribution of all heads over the bare forward pass",
        "cases": ("our_attribution", "bare_forward"),
        "sizes": [(257, 4), (1025, 1)],
        "runs": [9, 9],
        "at_most": [4, 4],
    },
    {
        "name": "attribution patching of all heads over the bare forward pass with its logits",
        "cases": ("our_patching", "bare_model"),
        "sizes": [(101, 10), (257, 4), (1025, 1)],
        "runs": [7, 7, 7],
        "at_most": [4, 4, 4],
    },
    {
        "name": "pages of all heads over the bare forward passes of the corpus",
        "cases": ("our_pages", "forwards_of_corpus"),
        "sizes": [(257, 256)],
        "runs": [3],
        "at_most": [1.3],
    },
    {
        "name": "the page of one head over the bare forward passes of the corpus",
        "cases": ("our_page", "forwards_of_corpus"),
        "sizes": [(257, 256)],
        "runs": [3],
        "at_most": [1.3],
    },
    {
        "name": "scores over the bare forward pass; SmolLM2-135M's shape",
        "cases": ("our_llama_scores", "bare_llama"),
        "sizes": [(129, 8), (257, 4)],
        "runs": [9, 9],
        "at_most": [1.05, 1.05],
    },
    {
        "name": "patterns of all heads over eager attention that returns them; GPT-2 small's shape",
        "cases": ("our_patterns", "eager_patterns"),
        "sizes": [(128, 1)],
        "runs": [15],
        "at_most": [1.0],
    },
    {
        "name": "TransformerLens run_with_hooks over ours",
        "cases": ("hooked_scores", "our_scores_on_bridge"),
        "sizes": [(257, 4), (1025, 4), (4097, 1)],
        "runs": [9, 7, 7],
        "at_least": [2, 3, 3],
    },
    {
        "name": "TransformerLens detect_head, three head types, over ours; Pythia-70m's shape",
        "cases": ("detected_heads", "our_scores_for_detection"),
        "sizes": [(101, 10), (257, 1), (1025, 1)],
        "runs": [7, 7, 7],
        "at_least": [10, 10, 10],
    },
    {
        "name": "TransformerLens detect_head, three head types, over ours; attn-only-2l's shape",
        "cases": ("native_detected_heads", "native_scores_for_detection"),
        "sizes": [(101, 10), (257, 1), (1000, 1)],
        "runs": [7, 7, 7],
        "at_least": [10, 10, 10],
    },
    {
        "name": "losses of 4 x 1024 tokens: TransformerLens over ours",
        "cases": ("lens_losses", "our_losses"),
        "sizes": [(1024, 4)],
        "runs": [7],
        "at_least": [1],
    },
    {
        "name": "a model built for each of 3 checkpoints over our sweep; attn-only-2l's shape",
        "cases": ("notebook_sweep", "our_sweep"),
        "sizes": [(3, 1)],
        "runs": [7],
        "at_least": [5],
    },
    {
        "name": "a loop for each figure over all measures at once; attn-only-2l, 26 checkpoints",
        "cases": ("notebook_loops", "our_measures_of_series"),
        "sizes": [(26, 256)],
        "runs": [3],
        "at_least": [2],
    },
]
MEMORY: list[dict[str, Any]] = [
    {
        "name": "peak memory of scoring 4,097 tokens: run_with_hooks over ours",
        "cases": ("hooked_scores", "our_scores_on_bridge"),
        "size": (4097, 1),
        "at_least": 20,
    },
    {
        "name": "peak memory of losses of 4 x 1024 tokens: TransformerLens over ours",
        "cases": ("lens_losses", "our_losses"),
        "size": (1024, 4),
        "at_least": 8,
    },
]
GROWTH = {
    "our_scores": [129, 257, 513, 1025, 2049, 4097, 8193, 16_385],
    "bare_forward": [129, 257, 513, 1025, 2049, 4097, 8193, 16_385],
    "hooked_scores": [129, 257, 513, 1025, 2049, 4097],
}
CHECKPOINTS = [1, 2, 5, 12, 30, 77, 154]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write every number there")
    parser.add_argument("--quick", action="store_true", help="one run of the smallest sizes")
    parser.add_argument("--only", help="measure comparisons named like this again, keep the others")
    options = parser.parse_args()
    if options.only:
        again(options.json, options.only)
        return
    found: dict[str, Any] = {"machine": machine()}
    print(json.dumps(found["machine"], indent=1), flush=True)
    found |= {"speed": [], "memory": [], "growth": {}}
    for case in SPEED:
        found["speed"] += speed(case, options.quick)
        keep(found, options.json)
    found["memory"] = [memory(case) for case in MEMORY if not options.quick]
    found["growth"] = growth(options.quick)
    keep(found, options.json)


def keep(found: dict[str, Any], path: Path | None) -> None:
    """Written as it is found: whoever stops a long measurement has what was measured."""
    if path:
        path.write_text(json.dumps(found, indent=1) + "\n")


def again(path: Path, only: str) -> None:
    """Some comparisons of speed, put in the place of the old ones in a file of numbers."""
    found = json.loads(path.read_text())
    for case in SPEED:
        if only in case["name"]:
            kept = [line for line in found["speed"] if line["name"] != case["name"]]
            renewed = [line | {"measured_again": today()} for line in speed(case, quick=False)]
            found["speed"] = kept + renewed
    keep(found, path)


def speed(case: dict[str, Any], quick: bool) -> list[dict[str, Any]]:
    over, under = case["cases"]
    lines = []
    for i, size in enumerate(case["sizes"][: 1 if quick else None]):
        works = {name: CASES[name](*size) for name in (over, under)}
        seconds = interleaved(works, 1 if quick else case["runs"][i])
        limits = {k: case[k][i] for k in ("at_least", "at_most") if k in case}
        lines.append(
            judged(
                {"name": case["name"], "n": size[0], "rows": size[1], **limits},
                ratio(seconds, over, under),
            )
        )
    return lines


def memory(case: dict[str, Any]) -> dict[str, Any]:
    over, under = (peak_bytes(name, *case["size"]) for name in case["cases"])
    line = {"name": case["name"], "n": case["size"][0], "at_least": case["at_least"]}
    return judged(line, {"ratio": over / max(under, 1), "bytes": [over, under]})


def judged(line: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    value = found["ratio"]
    met = line.get("at_least", 0) <= value <= line.get("at_most", float("inf"))
    spread = f" ({found['low']:.2f}–{found['high']:.2f})" if "low" in found else ""
    limit = (
        f"at least {line['at_least']:g}" if "at_least" in line else f"at most {line['at_most']:g}"
    )
    verdict = "met" if met else "NOT met"
    print(f"{line['name']}, {line['n']}: {value:.2f}{spread}; {limit}: {verdict}", flush=True)
    return line | found | {"met": met}


def growth(quick: bool) -> dict[str, list[dict[str, Any]]]:
    """Seconds and peak bytes against tokens, and against checkpoints of a small series."""
    lines: dict[str, list[dict[str, Any]]] = {}
    sizes: dict[str, list[tuple[int, int]]] = {k: [(n, 1) for n in ns] for k, ns in GROWTH.items()}
    sizes["our_sweep"] = [(count, 0) for count in CHECKPOINTS]
    for case, of_case in sizes.items():
        for size in of_case[: 1 if quick else None]:
            runs = 1 if quick or size[0] > 8000 else 3
            seconds = interleaved({case: CASES[case](*size)}, runs)[case]
            line = {"n": size[0], "seconds": sorted(seconds)[len(seconds) // 2]}
            line["bytes"] = peak_bytes(case, *size)
            lines.setdefault(case, []).append(line)
            print(
                f"{case} {size[0]}: {line['seconds']:.3f} s, {line['bytes'] / 2**20:.0f} MiB",
                flush=True,
            )
    return lines


def today() -> str:
    return datetime.now().astimezone().date().isoformat()


def machine() -> dict[str, Any]:
    return {
        "date": today(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "transformers", "transformer_lens")},
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
