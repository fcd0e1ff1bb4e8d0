"""A sweep into a bucket: a real S3 server on this machine, spoken to over HTTP."""

from __future__ import annotations

import multiprocessing
import os
import random
import sys

import numpy as np
import pytest
import xarray
from induction_kernels import CheckpointSeries, load_demo, sweep
from induction_kernels.errors import StoreError
from induction_kernels.scores.registry import Scorer
from s3_server import hang_up, s3

pytestmark = pytest.mark.slow

SCORES = ["induction", "previous_token"]
COUNT, KILLS = 8, 4

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["induction_kernels.sweeps.run", "xarray", "zarr", "s3fs"])


def run() -> CheckpointSeries:
    return load_demo("attn-only-2l").select(range(0, 24, 24 // COUNT))


def swept(place: str, first: int = 0, last: int | None = None) -> xarray.Dataset:
    return sweep(run().select(range(COUNT)[first:last]), SCORES, store=place, progress=False)


def quietly(environment: dict[str, str], *arguments) -> None:
    """In a process of its own, which returns nothing. What it is forked from may be older than the
    server, and not know where that is."""
    os.environ.update(environment)
    swept(*arguments)


@pytest.fixture(scope="module")
def bucket():
    with s3() as found:
        yield found


@pytest.fixture(scope="module")
def whole() -> xarray.Dataset:
    return sweep(run(), SCORES, progress=False)


@pytest.fixture
def place(bucket, request) -> str:
    return f"{bucket}/{request.node.name}.zarr"


def started(*arguments):
    process = processes.Process(target=quietly, args=(dict(os.environ), *arguments))
    process.start()
    return process


def test_what_is_kept_in_a_bucket_is_what_a_sweep_finds(place, whole, monkeypatch) -> None:
    swept(place, 0, 3)
    read = []
    original = Scorer.__call__
    monkeypatch.setattr(Scorer, "__call__", lambda *a: (read.append(a), original(*a))[1])
    xarray.testing.assert_identical(swept(place), whole)
    assert len(read) == COUNT - 3
    xarray.testing.assert_identical(swept(place), whole)
    assert len(read) == COUNT - 3
    with xarray.open_zarr(place, consolidated=False) as opened:
        np.testing.assert_array_equal(opened["induction"], whole["induction"])


def test_killed_at_random_moments_it_goes_on(place, whole) -> None:
    moments = random.Random(0)
    killed = 0
    while killed < KILLS:
        process = started(place)
        process.join(moments.uniform(0.5, 2))
        killed += process.is_alive()
        if not process.is_alive():
            assert process.exitcode == 0
            break
        process.kill()
        process.join()
    assert killed
    xarray.testing.assert_identical(swept(place), whole)


def test_two_that_fill_one_bucket_do_not_disturb_each_other(place, whole) -> None:
    """Which has its rows: then nobody has to lock what lists them."""
    swept(place)
    import s3fs

    bucket = s3fs.S3FileSystem(use_listings_cache=False)
    for row in range(COUNT):
        bucket.rm(f"{place}/induction/c.{row}.0.0")
    both = [started(place) for _ in range(2)]
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]
    xarray.testing.assert_identical(swept(place), whole)


def test_a_bucket_that_is_not_there_is_said(bucket) -> None:
    with pytest.raises(StoreError, match=r"s3://none/x.zarr cannot be written: .*bucket"):
        swept("s3://none/x.zarr")


def test_without_s3fs_it_is_said_what_to_install(place, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(StoreError, match=r"induction-explorer\[s3\]"):
        swept(place)


def test_a_server_that_is_gone_is_said(bucket, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    hang_up()
    with pytest.raises(StoreError, match=r"s3://bucket/gone.zarr cannot be read"):
        swept("s3://bucket/gone.zarr")
    hang_up()
