"""Time as ratios of interleaved runs; memory as the peak of a process of its own."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

Work = Callable[[], Any]


def interleaved(works: Mapping[str, Work], runs: int) -> dict[str, list[float]]:
    """Seconds of each run of each work; they take turns, so that a busy moment hits all alike."""
    for work in works.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for run in range(runs):
        order = list(works) if run % 2 == 0 else list(works)[::-1]
        for name in order:
            start = time.perf_counter()
            works[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(seconds: Mapping[str, list[float]], over: str, under: str) -> dict[str, Any]:
    """The median of the ratios of neighbouring runs, and the middle half of them."""
    ratios = sorted(a / b for a, b in zip(seconds[over], seconds[under], strict=True))
    quarter = len(ratios) // 4
    return {
        "ratio": median(ratios),
        "low": ratios[quarter],
        "high": ratios[-1 - quarter],
        "runs": len(ratios),
        "seconds": {name: median(times) for name, times in seconds.items()},
    }


def peak_bytes(case: str, *arguments: int) -> int:
    """What a case needs at its peak beyond its model and inputs, in a fresh process."""
    command = [sys.executable, __file__, case, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{case}{arguments} failed:\n{done.stderr}")
    return int(done.stdout.splitlines()[-1])


def _measure_here(case: str, arguments: list[int]) -> int:
    """Linux keeps the peak; it is set back after a smaller run has loaded what is loaded once."""
    from cases import CASES

    CASES[case](min(33, arguments[0]), 1)() if "sweep" not in case else None
    work = CASES[case](*arguments)
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    work()
    return max(0, _status("VmHWM") - before)


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(key)).split()[1])


if __name__ == "__main__":
    name, *given = sys.argv[1:]
    print(_measure_here(name, [int(argument) for argument in given]))
