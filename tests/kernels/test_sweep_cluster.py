"""A sweep on a real cluster of processes ends as a sweep in one process does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
import pytest
import xarray
from distributed import Client, LocalCluster
from induction_kernels import CheckpointSeries, load_demo, sweep
from induction_kernels.errors import InductionError, SelectionError, StoreError
from patience import PATIENCE
from small_models import HUGGING_FACE, bridge, variants

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # of a cluster that is killed
]

SCORES = ["induction", "prefix_matching", "previous_token", "natural_induction"]


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster) as connected,
    ):
        yield connected


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> xarray.Dataset:
    place = tmp_path_factory.mktemp("whole") / "x.zarr"
    return sweep(load_demo("attn-only-2l"), SCORES, store=place, progress=False)


def chunks(place: Path) -> int:
    return len(list(place.glob("induction/c.*")))


def when(there, do) -> threading.Thread:
    def watch() -> None:
        end = time.monotonic() + PATIENCE
        while not there():
            if time.monotonic() > end:
                return
            time.sleep(0.002)
        do()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_a_worker_that_is_killed_in_a_task_costs_nothing(client, whole, tmp_path) -> None:
    place = tmp_path / "x.zarr"
    pids = list(client.run(os.getpid).values())
    killer = when(lambda: chunks(place) >= 6, lambda: os.kill(pids[0], signal.SIGKILL))
    found = sweep(load_demo("attn-only-2l"), SCORES, store=place, client=client, progress=False)
    killer.join()
    xarray.testing.assert_identical(found, whole)
    assert pids[0] not in client.run(os.getpid).values()


def test_it_goes_on_from_where_a_serial_sweep_was(client, whole, tmp_path) -> None:
    place, series = tmp_path / "x.zarr", load_demo("attn-only-2l")
    sweep(series.select(range(20)), SCORES, store=place, progress=False)
    before = {path: path.stat().st_ino for path in place.glob("*/c.*.*.*")}
    found = sweep(series, SCORES, store=place, client=client, progress=False)
    xarray.testing.assert_identical(found, whole)
    assert {path: path.stat().st_ino for path in before} == before


def test_bad_checkpoints_stop_nothing_and_another_store_is_refused(client, tmp_path) -> None:
    from safetensors.torch import save_file

    # No bridge: the workers read its library, which takes each of them longer than all else here.
    folder, model = tmp_path / "files", HUGGING_FACE["gpt_neox"]()
    folder.mkdir()
    for step, weights in enumerate(variants(model)):
        save_file({k: v.contiguous() for k, v in weights.items()}, folder / f"m_{step}.safetensors")
    series = CheckpointSeries.from_folder(folder, model)
    whole = sweep(series, "induction", progress=False)
    for step in (0, 2):
        (folder / f"m_{step}.safetensors").write_bytes(b"cut off")
    place = tmp_path / "x.zarr"
    with pytest.warns(UserWarning, match=r"step 0: .*step 2: "):
        found = sweep(series, "induction", store=place, client=client, progress=False)
    assert found["induction"].isnull().all(["layer", "head"]).values.tolist() == [
        True, False, True, False,
    ]  # fmt: skip
    xarray.testing.assert_equal(found["induction"][[1, 3]], whole["induction"][[1, 3]])
    with pytest.raises(StoreError, match=r"induction: measured_on is"):
        sweep(
            series,
            ["induction", "previous_token"],
            store=place,
            client=client,
            seed=1,
            progress=False,
        )


def test_weights_are_not_sent(client, tmp_path) -> None:
    model = bridge(d_model=512, d_head=128)
    series = CheckpointSeries.from_state_dicts(model, variants(model))
    with pytest.raises(SelectionError, match="MB of weights"):
        sweep(series, store=tmp_path / "x.zarr", client=client, progress=False)
    with pytest.raises(SelectionError, match="store="):
        sweep(load_demo(), client=client, progress=False)


@contextmanager
def processes(scheduler: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A scheduler and a worker, each a process of its own."""
    common = ("--scheduler-file", str(scheduler), "--no-dashboard")
    commands = (
        ("distributed.cli.dask_scheduler", "--port", "0", *common),
        ("distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", *common),
    )
    started = [subprocess.Popen([sys.executable, "-m", *command]) for command in commands]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_a_cluster_that_is_lost_is_said_and_the_rest_is_made_up(whole, tmp_path) -> None:
    place, scheduler = tmp_path / "x.zarr", tmp_path / "scheduler.json"
    with (
        processes(scheduler) as started,
        dask.config.set({"distributed.comm.timeouts.connect": "3s"}),
        Client(scheduler_file=str(scheduler), timeout=PATIENCE) as client,
    ):
        lost = when(lambda: chunks(place) >= 3, lambda: [one.kill() for one in started])
        with pytest.raises(InductionError, match=r"cluster is gone.*the same call goes on"):
            sweep(load_demo("attn-only-2l"), SCORES, store=place, client=client, progress=False)
        lost.join()
    assert 3 <= chunks(place) < 26
    found = sweep(load_demo("attn-only-2l"), SCORES, store=place, progress=False)
    xarray.testing.assert_identical(found, whole)
