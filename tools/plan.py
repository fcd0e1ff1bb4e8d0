"""A plan on paper: what a sweep over a cluster takes of disk, network, hours and money.

    python tools/plan.py --gpus 2 --link 3

Every assumption is an option; docs/sweeps.md has what the defaults come to.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

GB = 1e9


def assumed(value: float, what: str) -> Any:
    return field(default=value, metadata={"what": what})


@dataclass(frozen=True)
class Plan:
    """Of a series whose checkpoints are downloaded, each read by a task of its own.

    A worker does one thing after the other: a task downloads its checkpoint, then reads and
    computes it. Workers share the link.
    """

    checkpoints: float = assumed(154, "checkpoints")
    parameters: float = assumed(11.85, "billion parameters (Pythia-12b)")
    stored: float = assumed(2, "bytes of a parameter on the hub (float16)")
    gpus: float = assumed(8, "GPUs, a worker each")
    link: float = assumed(0.9, "GB/s from the hub, for all workers (10 Gbit/s, seven tenths used)")
    hashing: float = assumed(0.8, "GB/s of a core that checks SHA-256 (measured on an EPYC)")
    reading: float = assumed(2, "GB/s from the disk to the GPU, every number looked at")
    rows: float = assumed(256, "rows of text that losses are measured on (the default)")
    length: float = assumed(512, "tokens of each (the default)")
    probes: float = assumed(2034, "other tokens: 10 x 101 random ones, 4 x 256 of text")
    speed: float = assumed(370, "TFLOP/s (half of what an H200's large products run at, measured)")
    price: float = assumed(3, "dollars an hour of a GPU")
    start: float = assumed(5, "minutes until a worker has built its model")

    @property
    def size(self) -> float:
        """Bytes of a checkpoint."""
        return self.parameters * GB * self.stored

    @property
    def download(self) -> float:
        """Seconds of a task, while all workers download."""
        return self.size / (self.link * GB / self.gpus)

    @property
    def check(self) -> float:
        return self.size / (self.hashing * GB)

    @property
    def read(self) -> float:
        return self.size / (self.reading * GB)

    @property
    def compute(self) -> float:
        """A forward pass takes two operations for each parameter and token."""
        tokens = self.rows * self.length + self.probes
        return 2 * self.parameters * GB * tokens / (self.speed * 1e12)

    @property
    def hours(self) -> float:
        task = self.download + self.check + self.read + self.compute
        return (self.start * 60 + math.ceil(self.checkpoints / self.gpus) * task) / 3600

    def lines(self) -> Iterator[tuple[str, str]]:
        """What is needed, and how much of it."""
        yield "a checkpoint", f"{self.size / GB:.1f} GB"
        yield "network, in all", f"{self.checkpoints * self.size / 1e12:.2f} TB"
        yield "disk of a worker", f"{self.size / GB:.1f} GB: one checkpoint at a time"
        yield "memory of a worker", f"{4 * self.parameters:.0f} GB while it builds its model"
        yield "memory of a GPU", f"{self.size / GB:.0f} GB of weights, and room for a batch"
        yield (
            "a task",
            (
                f"{self.download:.0f} s of download, {self.check:.0f} s of checking, "
                f"{self.read:.0f} s of reading, {self.compute:.0f} s on the GPU"
            ),
        )
        yield "all", f"{self.hours:.1f} hours, {self.hours * self.gpus:.0f} GPU hours"
        yield "cost", f"{self.hours * self.gpus * self.price:.0f} dollars"


def table(plan: Plan) -> str:
    """In Markdown."""
    rows = [f"| {what} | {much} |" for what, much in plan.lines()]
    return "\n".join([f"| {plan.gpus:g} GPUs, {plan.link:g} GB/s | |", "|---|---|", *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for one in fields(Plan):
        said = f"{one.metadata['what']}; by default {one.default:g}"
        parser.add_argument(f"--{one.name}", type=float, default=one.default, help=said)
    print(table(Plan(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
