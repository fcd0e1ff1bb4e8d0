"""The plan of a sweep on paper: its arithmetic, its assumptions, and what docs/sweeps.md says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from induction_explorer import load_demo
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.inputs.text_size import LONGEST, ROWS
from induction_kernels.scores.of_attention import _TEXT_LENGTH, _TEXT_ROWS
from plan import Plan, table

ROOT = Path(__file__).parents[1]


def test_the_hours_are_those_of_a_case_done_by_hand() -> None:
    plan = Plan(
        checkpoints=5, parameters=1, stored=2, gpus=2, link=1, hashing=2, reading=4,
        rows=10, length=90, probes=100, speed=1, price=7, start=1,
    )  # fmt: skip
    assert plan.size == 2e9
    assert (plan.download, plan.check, plan.read, plan.compute) == (4, 1, 0.5, 2)
    assert plan.hours == pytest.approx((60 + 3 * 7.5) / 3600)  # three rounds of two
    said = dict(plan.lines())
    assert said["network, in all"] == "0.01 TB"


def test_faster_links_and_fewer_workers_do_what_they_should() -> None:
    here = Plan()
    assert Plan(link=9).hours < here.hours < Plan(gpus=2).hours < Plan(gpus=1).hours
    assert Plan(gpus=2).hours * 2 < here.hours * 8  # the link is what all wait for


def test_the_docs_say_what_it_says() -> None:
    text = (ROOT / "docs" / "sweeps.md").read_text()
    assert table(Plan()) in text
    two, fast = Plan(gpus=2), Plan(link=9)
    said = f"take {two.hours:.1f} hours and {two.hours * 2 * two.price:.0f} dollars"
    flat = " ".join(text.split())
    assert said in flat
    assert f"(`--link 9`) {fast.hours:.1f} hours" in flat


def test_what_is_measured_is_what_was_measured() -> None:
    measured = json.loads((ROOT / "docs" / "performance-gpu.json").read_text())
    (share,) = (
        one["roofline"] for one in measured["lines"]
        if one["name"].startswith("Llama-8B, bfloat16: scores") and one["n"] == 1025
    )  # fmt: skip
    peak = measured["rates"]["bfloat16"]["flops"]
    assert Plan().speed * 1e12 == pytest.approx(0.5 * peak, rel=0.02)
    assert share == pytest.approx(0.5, abs=0.05)


def test_the_tokens_are_those_that_are_read() -> None:
    assert (Plan().rows, Plan().length) == (ROWS, LONGEST)
    random = RepeatedTokens.make(load_demo().model(-1)).tokens.numel()
    assert Plan().probes == random + _TEXT_ROWS * _TEXT_LENGTH


def test_every_assumption_is_an_option() -> None:
    found = subprocess.run(
        [sys.executable, ROOT / "tools" / "plan.py", "--gpus", "2"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout == table(Plan(gpus=2)) + "\n"
