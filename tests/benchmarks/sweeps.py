"""What a sweep costs beyond reading files and running the model.

python tests/benchmarks/sweeps.py [cost] [first] [cluster]
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

# A thread each, here and in the workers, whose speed is compared with one.
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import induction_kernels.demo
from induction_kernels import CheckpointSeries, sweep
from induction_kernels.attention.door import as_model
from induction_kernels.attention.forward import run
from induction_kernels.checkpoints.weights import fitted, swap
from induction_kernels.demo.source import BundledSource
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.sweeps.store import Store
from measure import interleaved, ratio
from safetensors.torch import load_file

#: Pythia's.
COUNT = 154
#: Read in one pass over one probe.
SCORES = ["previous_token", "duplicate_token", "induction"]

FIRST = """
import sys, time
began = time.perf_counter()
import torch
torched = time.perf_counter()
from induction_kernels import CheckpointSeries, sweep
endpoint, cache, store = sys.argv[1:]
series = CheckpointSeries.from_hub(
    "EleutherAI/pythia-70m", [512], endpoint=endpoint, cache_dir=cache
)
sweep(series, "induction", store=store, progress=False)
print(torched - began, time.perf_counter() - began)
"""


def bundled(folder: Path, count: int) -> BundledSource:
    """As many files as wanted of the bundled architecture."""
    demo = Path(induction_kernels.demo.__file__).parent
    shutil.copy(demo / "tokenizer.json", folder)
    run_ = folder / "run"
    shutil.copytree(demo / "attn-only-2l", run_)
    manifest = json.loads((run_ / "manifest.json").read_text())
    entries = manifest["checkpoints"]
    manifest["checkpoints"] = []
    for step in range(count):
        entry = entries[step % len(entries)]
        shutil.copy(run_ / entry["file"], run_ / f"again_{step}.safetensors")
        manifest["checkpoints"].append(
            entry | {"step": step, "tokens": step, "file": f"again_{step}.safetensors"}
        )
    (run_ / "manifest.json").write_text(json.dumps(manifest))
    return BundledSource(run_)


def bare(source: BundledSource, folder: Path) -> Callable[[], None]:
    """Reads every file and runs the model on the probe; nothing else."""
    module = source.build_bare()
    model = as_model(module, source.tokenizer)
    tokens = RepeatedTokens.make(model).tokens

    def work() -> None:
        for step in range(len(source.checkpoints)):
            weights = load_file(folder / "run" / f"again_{step}.safetensors")
            weights["head.weight"] = weights["tok_embed.weight"]
            swap(module, fitted(module, weights, {}, ""), "")
            run(model, tokens)

    return work


@contextmanager
def timed(names: list[str]) -> Iterator[list[float]]:
    """Seconds of every call of these methods of a store, but for those inside of others."""
    spent: list[float] = []
    depth = threading.local()
    originals = {name: getattr(Store, name) for name in names}

    def timing(original: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            outer = getattr(depth, "calls", 0)
            depth.calls = outer + 1
            began = time.perf_counter()
            try:
                return original(*args, **kwargs)
            finally:
                depth.calls = outer
                if not outer:
                    spent.append(time.perf_counter() - began)

        return call

    for name, original in originals.items():
        setattr(Store, name, timing(original))
    try:
        yield spent
    finally:
        for name, original in originals.items():
            setattr(Store, name, original)


def making_files(folder: Path, like: Path) -> float:
    """Seconds that the system alone takes to make the files of a store anew. Where others were
    deleted a few minutes ago, ext4 takes some ten times as long."""
    where = Path(tempfile.mkdtemp(dir=folder))
    contents = {where / path.relative_to(like): path.read_bytes() for path in like.rglob("c.*")}
    for array in {path.parent for path in contents}:
        array.mkdir(parents=True)
    began = time.perf_counter()
    for path, content in contents.items():
        unfinished = path.with_suffix(".partial")
        with unfinished.open("xb", buffering=0) as file:
            file.write(content)
        unfinished.replace(path)
    return time.perf_counter() - began


def cpu(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def verdict(met: bool) -> str:
    return "met" if met else "NOT met"


def cost(count: int, runs: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = bundled(folder, count)
        series = CheckpointSeries(source)
        stores = iter(range(10_000))

        def into_a_store() -> None:
            sweep(series, SCORES, store=folder / f"{next(stores)}.zarr", progress=False)

        works = {
            "sweep": into_a_store,
            "in memory": lambda: sweep(series, SCORES, progress=False),
            "bare": bare(source, folder),
        }
        seconds = interleaved(works, runs)
        of_cpu = [{name: cpu(work) for name, work in works.items()} for _ in range(runs)]
        for over, at_most in (("sweep", "1.3"), ("in memory", "1.3")):
            found = ratio(seconds, over, "bare")
            of_time = median(turn[over] / turn["bare"] for turn in of_cpu)
            print(
                f"{over}, {count} checkpoints of attn-only-2l, over reading the files and running "
                f"the model: {found['ratio']:.2f} ({found['low']:.2f}–{found['high']:.2f}; "
                f"{found['seconds'][over]:.2f} s over {found['seconds']['bare']:.2f} s; CPU time "
                f"{of_time:.2f}); wanted: at most {at_most}: "
                f"{verdict(found['ratio'] <= float(at_most))}",
                flush=True,
            )
        writes = ["write", "write_fault", "note", "hold"]
        reads = ["lacks", "faults", "dataset", "refresh", "fingerprints"]
        for what, names in (("store writes", writes), ("all of the store", [*writes, *reads])):
            shares, by_files = [], []
            for _ in range(runs):
                with timed(names) as spent:
                    began = time.perf_counter()
                    into_a_store()
                    took = time.perf_counter() - began
                shares.append(sum(spent) / took)
                by_files.append(making_files(folder, newest(folder)) / took)
            print(
                f"{what}: {100 * median(shares):.1f} % of the sweep; to make the same files takes "
                f"{100 * median(by_files):.1f} % here"
                + (f"; wanted: below 5 %: {verdict(median(shares) < 0.05)}" * (names is writes)),
                flush=True,
            )


def newest(folder: Path) -> Path:
    return max(folder.glob("*.zarr"), key=lambda place: int(place.stem))


def first_score(runs: int) -> None:
    """Of a checkpoint of Pythia-70m's shape that lies in the cache, in a new process."""
    sys.path.append(str(Path(__file__).parent.parent))
    import huggingface_hub.constants
    import torch
    from cases import _pythia
    from local_hub import Repository, local_hub
    from published_models import pythia

    huggingface_hub.constants.HF_HUB_OFFLINE = False
    with tempfile.TemporaryDirectory() as name, local_hub() as hub, torch.no_grad():
        branches = pythia(_pythia(2048), None, [512])
        hub.repositories["EleutherAI/pythia-70m"] = Repository(branches)
        cache = Path(name) / "cache"
        series = CheckpointSeries.from_hub(
            "EleutherAI/pythia-70m", [512], endpoint=hub.endpoint, cache_dir=cache
        )
        series.load(0)
        times = []
        for again in range(runs):
            arguments = [hub.endpoint, str(cache), str(Path(name) / f"{again}.zarr")]
            done = subprocess.run(
                [sys.executable, "-c", FIRST, *arguments],
                stdout=subprocess.PIPE, text=True, check=True,
                env=os.environ | {"HF_HUB_OFFLINE": "1"},
            )  # fmt: skip
            times.append([float(one) for one in done.stdout.split()])
    torched, scored = (median(column) for column in zip(*times, strict=True))
    print(
        f"hub series from a warm cache, Pythia-70m's shape: first score in the store "
        f"{scored:.1f} s after the process began, {torched:.1f} s of them `import torch`, medians "
        f"of {runs}",
        flush=True,
    )


def cluster(count: int, runs: int) -> None:
    import dask
    from distributed import Client, LocalCluster

    dask.config.set({"distributed.logging.distributed": "error"})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        series = CheckpointSeries(bundled(folder, count))
        stores = iter(range(10_000))

        def swept(client: Any = None) -> float:
            place = folder / f"{next(stores)}.zarr"
            began = time.perf_counter()
            sweep(series, store=place, client=client, progress=False)
            return time.perf_counter() - began

        times: dict[int, list[float]] = {0: [], 1: [], 2: []}
        options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
        with (
            LocalCluster(n_workers=1, **options) as one, Client(one) as of_one,
            LocalCluster(n_workers=2, **options) as two, Client(two) as of_two,
        ):  # fmt: skip
            clients = {0: None, 1: of_one, 2: of_two}
            for client in clients.values():
                swept(client)  # so that all are imported
            for turn in range(runs):
                for workers in list(clients)[:: 1 if turn % 2 else -1]:
                    times[workers].append(swept(clients[workers]))
    faster = median(a / b for a, b in zip(times[1], times[2], strict=True))
    extra = median(a - b for a, b in zip(times[1], times[0], strict=True)) / count
    print(
        f"two workers over one, a thread each, {count} checkpoints of attn-only-2l, all scores: "
        f"{faster:.2f} times as fast ({median(times[1]):.1f} s, {median(times[2]):.1f} s); wanted: "
        f"at least 1.7: {verdict(faster >= 1.7)}\n"
        f"a task costs {1000 * extra:.1f} ms more than in one process "
        f"({median(times[0]):.1f} s without a cluster)",
        flush=True,
    )


def main() -> None:
    wanted = sys.argv[1:] or ["cost", "first", "cluster"]
    if "cost" in wanted:
        cost(COUNT, 5)
    if "first" in wanted:
        first_score(3)
    if "cluster" in wanted:
        cluster(COUNT, 3)


if __name__ == "__main__":
    main()
