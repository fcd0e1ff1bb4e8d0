"""A sweep that is killed, again and again, ends as one that nobody disturbed."""

from __future__ import annotations

import multiprocessing
import random
from pathlib import Path

import pytest
import xarray
from induction_kernels import load_demo, sweep

pytestmark = pytest.mark.slow

KILLS = 20

#: Imports what a sweep needs once, and is then forked for each: these start within milliseconds.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["induction_kernels.sweeps.run", "xarray", "zarr"])


def swept(place: str) -> None:
    sweep(load_demo("attn-only-2l"), store=place, progress=False)


def some_swept(place: str, first: int, scores: list[str]) -> None:
    """Every third checkpoint, one after the other: each makes room for itself."""
    series = load_demo("attn-only-2l")
    for index in range(first, len(series), 3):
        sweep(series.select([index]), scores, store=place, progress=False)


def chunks(place: Path) -> dict[str, tuple[int, bytes]]:
    """What was written, and on which inode: another one was written anew."""
    return {
        path.relative_to(place).as_posix(): (path.stat().st_ino, path.read_bytes())
        for path in place.rglob("c.*")
        if path.suffix != ".partial"
    }


def documents(place: Path) -> dict[str, bytes]:
    return {
        path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("zarr.json")
    }


def test_killed_at_random_moments_it_ends_bit_for_bit_as_one_undisturbed(tmp_path) -> None:
    whole = tmp_path / "whole.zarr"
    swept(str(whole))
    moments = random.Random(0)
    killed = cut = attempt = 0
    while killed < KILLS:
        place = tmp_path / f"{attempt}.zarr"
        there: dict[str, tuple[int, bytes]] = {}
        finished = False
        while not finished and killed < KILLS:
            process = processes.Process(target=swept, args=(str(place),))
            process.start()
            process.join(moments.uniform(0.1, 1.2))
            finished = not process.is_alive()
            process.kill()
            process.join()
            if finished:
                assert process.exitcode == 0
            else:
                killed += 1
            now = chunks(place) if place.exists() else {}
            assert {name: now.get(name) for name in there} == there
            rows = {name.split("/")[1].split(".")[1] for name in now}
            whole_rows = [row for row in rows if sum(f"/c.{row}." in name for name in now) == 21]
            cut += len(rows) > len(whole_rows)
            there = now
        swept(str(place))
        now = chunks(place)
        assert {name: now[name] for name in there} == there
        assert {name: content for name, (_, content) in now.items()} == {
            name: content for name, (_, content) in chunks(whole).items()
        }
        assert documents(place) == documents(whole)
        attempt += 1
    print(f"{killed} kills over {attempt} sweeps, {cut} of them within a checkpoint")


def test_two_at_once_do_not_disturb_each_other(tmp_path) -> None:
    whole, place = tmp_path / "whole.zarr", tmp_path / "x.zarr"
    swept(str(whole))
    both = [processes.Process(target=swept, args=(str(place),)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]
    assert {name: content for name, (_, content) in chunks(place).items()} == {
        name: content for name, (_, content) in chunks(whole).items()
    }
    assert documents(place) == documents(whole)


def test_three_that_add_checkpoints_and_scores_at_once_lose_nothing(tmp_path) -> None:
    place, scores = tmp_path / "x.zarr", ["induction", "previous_token", "prefix_matching"]
    adding = [
        processes.Process(target=some_swept, args=(str(place), first, scores[: first + 1]))
        for first in range(3)
    ]
    for process in adding:
        process.start()
    for process in adding:
        process.join(120)
    assert [process.exitcode for process in adding] == [0, 0, 0]
    kept = sweep(load_demo("attn-only-2l"), scores, store=place, progress=False)
    xarray.testing.assert_identical(kept, sweep(load_demo("attn-only-2l"), scores, progress=False))
