"""The benchmarks run, and the page shows what they found."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
sys.path.insert(0, str(HERE))

import gpu  # noqa: E402
from cases import CASES  # noqa: E402
from report import gpu_part, page  # noqa: E402
from speed import MEMORY, SPEED  # noqa: E402


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_case_runs(name: str) -> None:
    large_checkpoints = (1, 4)
    sizes = {"our_sweep": large_checkpoints, "notebook_sweep": large_checkpoints}
    few = any(word in name for word in ("series", "loops"))
    CASES[name](*sizes.get(name, (3, 4) if few else (33, 1)))()


def test_what_is_compared_are_cases() -> None:
    compared = {name for one in (*SPEED, *MEMORY) for name in one["cases"]}
    assert compared - set(CASES) == set()


@pytest.mark.slow
@pytest.mark.parametrize("grouped", [False, True])
def test_the_comparisons_for_a_gpu_run_without_one(grouped: bool) -> None:
    """Small, and on the CPU: only what is measured on a GPU is missing."""
    shape = (gpu.LLAMA_8B if grouped else gpu.PYTHIA_1B) | {
        "vocab_size": 500, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }  # fmt: skip
    shape |= {"num_key_value_heads": 2} if grouped else {}
    rates = gpu.Rates.measure(gpu.DTYPES["float32"], "cpu", 64)
    module = gpu.build(shape, gpu.DTYPES["float32"], "cpu")
    lines = list(gpu.compared("small", module, rates, [(17, 2), (33, 1)], 1))
    assert len(lines) >= 4
    assert all(line["ratio"] > 0 for line in lines)
    assert all(line["roofline"] > 0 for line in lines[:2])


def test_the_page_is_made_of_the_numbers() -> None:
    found, on_gpu, others = (
        json.loads(path.read_text()) if path.exists() else None
        for path in (DOCS / f"performance{of}.json" for of in ("", "-gpu", "-others"))
    )
    assert (DOCS / "performance.md").read_text() == page(found, on_gpu, others)


def test_the_part_on_a_gpu() -> None:
    machine = json.loads((DOCS / "performance.json").read_text())["machine"]
    line = {"name": "scores", "n": 1025, "rows": 4, "at_most": 1.1, "ratio": 1.04, "met": True}
    told = gpu_part(
        {
            "machine": machine | {"gpu": "a chip"},
            "rates": {"bfloat16": {"flops": 7.9e14, "bytes": 4.3e12}},
            "lines": [line | {"roofline": 0.512}, line],
        }
    )
    assert "GPU a chip" in told
    assert "790 TFLOP/s and 4,300 GB/s in bfloat16" in told
    assert "| scores | 4 x 1,025 | 1.04 | ≤ 1.10 | met | 51% |" in told
