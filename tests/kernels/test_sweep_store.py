"""A sweep that is kept on disk: what is there is not read again, and only what belongs there is."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import induction_kernels.sweeps.measuring as measuring_module
import numpy as np
import pytest
import torch
import xarray
import zarr
import zarr.storage._local as local
from induction_kernels import CheckpointSeries, sweep
from induction_kernels.errors import CheckpointError, SelectionError, StoreError
from induction_kernels.scores.registry import Scorer
from induction_kernels.sweeps import access
from safetensors.torch import save_file
from short_runs import STEPS
from short_runs import run as series
from small_models import VOCABULARY, bridge, variants

SCORES = ["induction", "previous_token"]


def rows(seed: int = 7) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (3, 40), generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def run() -> CheckpointSeries:
    return series()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "x.zarr"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The names of the scores that were read, checkpoint after checkpoint."""
    noted: list[tuple[str, ...]] = []
    original = Scorer.__call__

    def noting(self, model):
        noted.append(tuple(score.name for score in self.scores))
        return original(self, model)

    monkeypatch.setattr(Scorer, "__call__", noting)
    return noted


def kept(series, place, scores=SCORES, **options) -> xarray.Dataset:
    return sweep(series, scores, store=place, progress=False, **options)


def files(place: Path) -> dict[str, bytes]:
    return {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_file() and path.suffix != ".partial"
    }


def test_what_is_kept_is_what_a_sweep_without_a_store_finds(run, place) -> None:
    plain = sweep(run, measures=True, texts=rows(), progress=False)
    found = kept(run, place, None, measures=True, texts=rows())
    xarray.testing.assert_identical(found, plain)
    assert set(found.sizes) == {"checkpoint", "layer", "head", "position", "row"}
    assert found["step"].values.tolist() == STEPS
    assert found["tokens"].attrs["units"] == "tokens"
    assert found["loss"].attrs["units"] == "nat"
    assert found["induction"].attrs["units"] == "1"
    assert found["induction"].attrs["probe_hash"]
    assert found["loss"].attrs["text_hash"]
    needed = {"model", "weights", "dtype", "device", "series", "package_version", "attention"}
    assert needed <= set(found.attrs)


def test_xarray_opens_it_by_itself(run, place) -> None:
    found = kept(run, place, measures="loss", texts=rows())
    with xarray.open_zarr(place, consolidated=False) as opened:
        assert {"step", "tokens", "tokens_estimated"} <= set(opened.coords)
        for name in found.data_vars:
            np.testing.assert_array_equal(opened[name], found[name])


def test_the_same_call_again_reads_nothing(run, place, read) -> None:
    first = kept(run, place)
    before = files(place)
    del read[:]
    xarray.testing.assert_identical(kept(run, place), first)
    assert read == []
    assert files(place) == before


def test_that_there_is_no_number_is_an_answer_too(run, place, monkeypatch) -> None:
    """As of a logit that no window shows: it is kept, and not read again."""
    read = []
    original = Scorer.__call__

    def nothing(self, model):
        read.append(model)
        return {name: grid * torch.nan for name, grid in original(self, model).items()}

    monkeypatch.setattr(Scorer, "__call__", nothing)
    assert np.isnan(kept(run, place)["induction"]).all()
    kept(run, place)
    assert len(read) == 4


def test_more_scores_later_are_all_that_is_read(run, place, read) -> None:
    kept(run, place, ["induction"])
    before = files(place)
    del read[:]
    found = kept(run, place)
    assert read == [("previous_token",)] * 4
    assert {name: files(place)[name] for name in before if name.startswith("induction/c.")} == {
        name: content for name, content in before.items() if name.startswith("induction/c.")
    }
    xarray.testing.assert_identical(found, sweep(run, SCORES, progress=False))
    assert list(kept(run, place, "induction").data_vars) == ["induction"]


def test_measures_later_read_no_score_again(run, place, read) -> None:
    kept(run, place)
    del read[:]
    found = kept(run, place, measures=["loss"], texts=rows())
    assert read == []
    assert np.isfinite(found["loss"]).all()


@pytest.mark.parametrize("first", [[0, 3], [3], [1, 2]])
def test_more_checkpoints_later_are_all_that_is_read(run, place, read, first) -> None:
    """Also those that lie between, before and after: what is returned is in training order."""
    some = kept(run.select(first), place)
    assert some["step"].values.tolist() == [STEPS[i] for i in first]
    del read[:]
    found = kept(run, place)
    assert len(read) == 4 - len(first)
    xarray.testing.assert_identical(found, sweep(run, SCORES, progress=False))
    del read[:]
    xarray.testing.assert_identical(kept(run.select(first), place), some)
    assert read == []


def test_what_was_found_is_on_the_disk_before_the_next_is_read(run, place, monkeypatch) -> None:
    """So that whatever kills it takes one checkpoint with it."""
    there: list[int] = []
    original = Scorer.__call__

    def looking(self, model):
        there.append(len(list(place.glob("*/c.*.0.0"))))
        return original(self, model)

    monkeypatch.setattr(Scorer, "__call__", looking)
    kept(run, place)
    assert there == [len(SCORES) * before for before in range(4)]


def test_what_others_did_meanwhile_is_not_even_loaded(run, place, monkeypatch) -> None:
    loaded: list[int] = []
    load, score = CheckpointSeries.model, Scorer.__call__

    def noting(self, index, **options):
        loaded.append(index)
        return load(self, index, **options)

    def others_do_it(self, model):
        monkeypatch.setattr(Scorer, "__call__", score)
        kept(series(), place)
        monkeypatch.setattr(CheckpointSeries, "model", noting)
        return score(self, model)

    monkeypatch.setattr(Scorer, "__call__", others_do_it)
    found = kept(run, place)
    assert loaded == []
    xarray.testing.assert_identical(found, sweep(run, SCORES, progress=False))
    assert loaded == [0, 1, 2, 3]


@pytest.mark.slow
def test_whatever_write_was_the_last_the_rest_is_made_up(run, place, monkeypatch) -> None:
    """As if killed before each write, one after the other."""
    whole = kept(run, place)
    puts = [(where, where._put) for where in (local, access)]
    count = stop_at = 0

    class KilledError(Exception):
        pass

    def dying(put):
        def one(*args, **kwargs):
            nonlocal count
            count += 1
            if count > stop_at:
                raise KilledError
            return put(*args, **kwargs)

        return one

    died = 0
    while True:
        here, count = place.with_name(f"{stop_at}.zarr"), 0
        for where, put in puts:
            monkeypatch.setattr(where, "_put", dying(put))
        try:
            kept(run, here)
        except KilledError:
            died += 1
        else:
            break
        for where, put in puts:
            monkeypatch.setattr(where, "_put", put)
        xarray.testing.assert_identical(kept(run, here), whole)
        with xarray.open_zarr(here, consolidated=False) as opened:
            np.testing.assert_array_equal(opened["induction"], whole["induction"])
        stop_at += 1
    assert died > 4 * len(SCORES) + 8


def test_a_number_that_was_cut_off_is_read_again(run, place, read) -> None:
    whole = kept(run, place)
    for content in (b"", (place / "induction" / "c.1.0.0").read_bytes()[:20]):
        (place / "induction" / "c.1.0.0").write_bytes(content)
        del read[:]
        xarray.testing.assert_identical(kept(run, place), whole)
        assert read == [("induction",)]


def test_no_clock_is_asked(run, place, read) -> None:
    kept(run.select([0, 1]), place)
    for n, path in enumerate(sorted(place.rglob("*"))):
        os.utime(path, (4e9, 4e9) if n % 2 else (0, 0))
    del read[:]
    kept(run, place)
    assert len(read) == 2


OTHERS = {
    "the series": (lambda: (series(name="other"), {}), r"model is 'run' there, 'other' here"),
    "the dtype": (
        lambda: (series().to(dtype=torch.bfloat16), {}),
        r"dtype is 'float32' there, 'bfloat16' here",
    ),
    "the probe": (
        lambda: (series(), {"seed": 1}),
        r"induction: measured_on is '.*seed 0' there, '.*seed 1' here",
    ),
    "the text": (
        lambda: (series(), {"measures": "loss", "texts": rows(8)}),
        r"loss: text_hash is '\w+' there",
    ),
    "the shape": (lambda: (of_another_shape(), {}), r"parameters is \d+ there, \d+ here"),
}


def of_another_shape() -> CheckpointSeries:
    """At other steps: what was read at the same is told apart by its weights."""
    model, steps = bridge(n_layers=3), [step + 1 for step in STEPS]
    return CheckpointSeries.from_state_dicts(model, variants(model), steps=steps, name="run")


@pytest.mark.parametrize(("make", "difference"), OTHERS.values(), ids=OTHERS)
def test_a_store_of_something_else_is_refused_and_stays(run, place, make, difference) -> None:
    kept(run, place, measures="loss", texts=rows())
    before = files(place)
    other, options = make()
    with pytest.raises(StoreError, match=difference):
        kept(other, place, **options)
    assert files(place) == before


def test_a_store_of_another_version_is_refused(run, place, monkeypatch) -> None:
    kept(run.select([0]), place)
    monkeypatch.setattr(measuring_module, "package_version", lambda: "0.0.9")
    with pytest.raises(StoreError, match=r"package_version is '.*' there, '0.0.9' here"):
        kept(run, place)


NO_STORES = {
    "a file": (lambda place: place.write_text("mine"), "x.zarr"),
    "a folder of something else": (
        lambda place: (place.mkdir(), (place / "thesis.tex").write_text("mine")),
        "is there and is no store of a sweep",
    ),
    "another group": (
        zarr.create_group,
        "is no store of a sweep",
    ),
    "a store whose list was cut off": (
        lambda place: (place.mkdir(), (place / "zarr.json").write_text('{"zarr_form')),
        "cannot be read",
    ),
    "one of a later version": (
        lambda place: zarr.create_group(place, attributes={"induction_sweep": {"format": 99}}),
        "a store of another version",
    ),
}


@pytest.mark.parametrize(("make", "said"), NO_STORES.values(), ids=NO_STORES)
def test_what_is_no_store_is_left_alone(run, place, make, said) -> None:
    make(place)
    before = files(place) if place.is_dir() else place.read_bytes()
    with pytest.raises(StoreError, match=said) as raised:
        kept(run, place)
    assert raised.value.hint
    assert (files(place) if place.is_dir() else place.read_bytes()) == before


# --- checkpoints that cannot be read ---


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = bridge()
    where = tmp_path / "files"
    where.mkdir()
    for step, weights in zip(STEPS, variants(model), strict=True):
        save_file({k: v.contiguous() for k, v in weights.items()}, where / f"m_{step}.safetensors")
    return where


def spoil(how: str, path: Path) -> None:
    content = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    else:
        model = bridge(n_heads=2, d_head=8) if how == "wrong shapes" else bridge()
        weights = {k: v.detach().clone().contiguous() for k, v in model.state_dict().items()}
        if how == "NaN":
            weights["blocks.0.attn.q.weight"][:] = torch.nan
        save_file(weights, path)


BAD = ["missing", "truncated", "wrong shapes", "NaN"]


@pytest.mark.parametrize("at", [0, 2])
@pytest.mark.parametrize("how", BAD)
def test_a_bad_checkpoint_is_a_gap_with_a_reason_until_it_is_retried(
    folder, place, read, how, at
) -> None:
    found = CheckpointSeries.from_folder(folder, bridge())
    good = (folder / f"m_{STEPS[at]}.safetensors").read_bytes()
    whole = sweep(found, SCORES, progress=False)
    spoil(how, folder / f"m_{STEPS[at]}.safetensors")
    with pytest.warns(UserWarning, match=f"retry=True.*step {STEPS[at]}: "):
        gap = kept(found, place)
    assert np.isnan(gap["induction"][at]).all()
    others = [i for i in range(4) if i != at]
    np.testing.assert_array_equal(gap["induction"][others], whole["induction"][others])
    (reason,) = gap.attrs["faults"]
    assert reason.startswith(f"step {STEPS[at]}: ")
    assert len(reason) > 20

    (folder / f"m_{STEPS[at]}.safetensors").write_bytes(good)
    del read[:]
    with pytest.warns(UserWarning, match="retry=True"):
        again = kept(found, place)
    assert read == []
    assert again.attrs["faults"] == [reason]
    xarray.testing.assert_identical(kept(found, place, retry=True), whole)
    assert len(read) == 1
    assert [name for name in files(place) if name.startswith("faults/")] == ["faults/zarr.json"]


def test_a_retry_that_fails_again_says_the_new_reason(folder, place) -> None:
    found = CheckpointSeries.from_folder(folder, bridge())
    spoil("NaN", folder / "m_20.safetensors")
    with pytest.warns(UserWarning, match="NaN"):
        kept(found, place)
    spoil("missing", folder / "m_20.safetensors")
    with pytest.warns(UserWarning, match="retry=True") as warned:
        found = kept(found, place, retry=True)
    assert "holds NaN" not in str(warned[0].message)
    assert len(found.attrs["faults"]) == 1


def test_nothing_but_bad_checkpoints_leaves_no_store(folder, place) -> None:
    found = CheckpointSeries.from_folder(folder, bridge())
    for step in STEPS:
        spoil("NaN", folder / f"m_{step}.safetensors")
    with pytest.raises(CheckpointError, match=r"No checkpoint of .* step 0: .*NaN"):
        kept(found, place)
    assert not place.exists()


def test_bad_checkpoints_that_come_later_are_kept_as_gaps(folder, place) -> None:
    found = CheckpointSeries.from_folder(folder, bridge())
    kept(found.select([0, 1]), place)
    spoil("truncated", folder / "m_20.safetensors")
    spoil("NaN", folder / "m_40.safetensors")
    with pytest.warns(UserWarning, match=r"step 20: .*step 40: "):
        both = kept(found, place)
    assert np.isfinite(both["induction"]).all(["layer", "head"]).values.tolist() == [
        True, True, False, False,
    ]  # fmt: skip


# --- stopped ---


@pytest.fixture
def at_the_third(monkeypatch: pytest.MonkeyPatch) -> Iterator[list]:
    """What is done when the third checkpoint is read."""
    done: list = []
    original, count = Scorer.__call__, 0

    def third(self, model):
        nonlocal count
        count += 1
        if count == 3 and done:
            done.pop()()
        return original(self, model)

    monkeypatch.setattr(Scorer, "__call__", third)
    return done


def test_control_c_says_how_to_go_on_and_the_same_call_does(
    run, place, at_the_third, capsys
) -> None:
    at_the_third.append(lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt, match=r"2 of 4 checkpoints in .*x\.zarr; the same call"):
        sweep(run, SCORES, store=place, progress=True)
    assert "2/4" in capsys.readouterr().err
    found = sweep(run, SCORES, store=place, progress=True)
    bar = capsys.readouterr().err
    assert "50%" in bar
    assert "4/4" in bar
    xarray.testing.assert_identical(found, sweep(run, SCORES, progress=False))


def test_a_disk_that_is_full_is_said_and_what_is_there_stays(run, place, at_the_third) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    at_the_third.append(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard)))
    try:
        with pytest.raises(StoreError, match="cannot be written: File too large") as raised:
            kept(run, place)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "run the same call again" in raised.value.hint
    assert not list(place.rglob("*.partial"))
    xarray.testing.assert_identical(kept(run, place), sweep(run, SCORES, progress=False))


def test_a_store_that_may_not_be_written_can_be_read(run, place, monkeypatch) -> None:
    whole = kept(run, place)
    some = place.with_name("some.zarr")
    kept(run.select([0]), some)

    def refused(*_args, **_kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    for where in (local, access):
        monkeypatch.setattr(where, "_put", refused)
    xarray.testing.assert_identical(kept(run, place), whole)
    with pytest.raises(StoreError, match="cannot be written: Read-only file system"):
        kept(run, some)


def test_without_zarr_it_is_said_what_to_install(run, place, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(StoreError, match=r"induction-explorer\[sweep\]"):
        kept(run, place)


def test_what_needs_a_store_says_so(run) -> None:
    with pytest.raises(SelectionError, match="store="):
        sweep(run, retry=True, progress=False)


def test_a_text_for_no_measure_is_refused(run) -> None:
    with pytest.raises(SelectionError, match="no measure"):
        sweep(run, measures=False, texts=rows(), progress=False)
    with pytest.raises(SelectionError, match=r"no measure 'los'.*loss"):
        sweep(run, measures="los", progress=False)


def test_the_list_is_plain_json(run, place) -> None:
    kept(run, place)
    attributes = json.loads((place / "zarr.json").read_text())["attributes"]
    listed = attributes["induction_sweep"]
    assert [one["step"] for one in listed["checkpoints"]] == STEPS
    assert listed["variables"] == SCORES


# --- another training run of the same name ---


def retrained(count: int = 4, since: int = 0) -> CheckpointSeries:
    """The same shape, names and steps; other weights from one checkpoint on."""
    model = bridge()
    weights = variants(model, count)
    for later in weights[since:]:
        later["blocks.1.attn.q.weight"] = later["blocks.1.attn.q.weight"] + 1e-3
    tokens = [100 * step for step in STEPS[:count]]
    return CheckpointSeries.from_state_dicts(
        model, weights, steps=STEPS[:count], tokens=tokens, name="run"
    )


def test_a_run_that_was_trained_anew_is_refused_and_the_store_stays(run, place, read) -> None:
    kept(run, place, "induction")
    before = files(place)
    del read[:]
    for scores in ("induction", SCORES):  # nothing left to read, and something
        with pytest.raises(StoreError, match=r"another run: the weights of step 20, step 40 are "):
            kept(retrained(since=2), place, scores)
    assert files(place) == before
    assert read == []


def test_of_many_that_changed_some_are_named(place) -> None:
    model = bridge()
    runs = [
        CheckpointSeries.from_state_dicts(
            model,
            [{k: v + (i + run) / 100 for k, v in model.state_dict().items()} for i in range(9)],
            name="run",
        )
        for run in (0, 10)
    ]
    kept(runs[0], place, "induction")
    with pytest.raises(StoreError, match="of step 0, step 1, step 2, step 3 and 5 more are not"):
        kept(runs[1], place, "induction")


def test_a_run_that_grew_is_the_same_run(place, read) -> None:
    kept(series(2), place)
    del read[:]
    kept(series(4), place)
    assert len(read) == 2
    with pytest.raises(StoreError, match="another run: the weights of step 0, step 10 are "):
        kept(retrained(2), place)


def test_checkpoints_that_were_not_read_yet_may_change(run, place) -> None:
    """As of one that could not be read, or of a process that was killed before its first number."""
    kept(run.select([0, 1]), place)
    fingerprints = place / "fingerprint"
    (fingerprints / "c.2").write_bytes((fingerprints / "c.1").read_bytes())
    changed = retrained(since=2)
    found = kept(changed, place)
    xarray.testing.assert_identical(found, sweep(changed, SCORES, progress=False))
    with pytest.raises(StoreError, match="of step 20, step 40 are "):
        kept(run, place)


@pytest.mark.parametrize("refine", [False, 6])
def test_files_of_another_run_are_told_apart_without_loading_them(tmp_path, place, refine) -> None:
    """Also where they are large, and only a part of them is looked at."""
    model, folder = bridge(d_vocab=9000), tmp_path / "files"
    folder.mkdir()

    def save(number: float) -> None:
        for step in range(8):
            weights = {k: v.contiguous() + number for k, v in model.state_dict().items()}
            save_file(weights, folder / f"m_{step}.safetensors")

    save(0)
    assert (folder / "m_0.safetensors").stat().st_size > 2 << 20
    found = CheckpointSeries.from_folder(folder, model)
    before = [found.fingerprint(index) for index in range(8)]
    kept(found, place, "induction", refine=refine)
    os.utime(folder / "m_0.safetensors", (0, 0))  # no clock is asked
    kept(CheckpointSeries.from_folder(folder, model), place, "induction", refine=refine)
    save(1e-6)
    other = CheckpointSeries.from_folder(folder, model)
    assert not set(before) & {other.fingerprint(index) for index in range(8)}
    with pytest.raises(StoreError, match="holds another run"):
        kept(other, place, "induction", refine=refine)


def test_weights_that_are_known_in_another_way_are_not_compared(folder, place) -> None:
    """From memory and then from files: nobody can tell, and nothing is refused."""
    from_files = CheckpointSeries.from_folder(folder, bridge())
    model = bridge()
    in_memory = CheckpointSeries.from_state_dicts(
        model, variants(model), steps=STEPS, name=from_files.name
    )
    kept(in_memory, place)
    assert 0 not in {from_files.fingerprint(0), series().fingerprint(0)}
    kept(from_files, place)


# --- a disk of its own ---


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small one, which only root can make."""
    where = tmp_path / "disk"
    where.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(where)],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("nobody but root can mount a disk")
    yield where
    subprocess.run(["umount", str(where)], check=True)


def test_a_disk_without_room_keeps_what_is_there(run, disk, at_the_third) -> None:
    def fill() -> None:
        with (disk / "others").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * 4096):
                pass

    at_the_third.append(fill)
    with pytest.raises(StoreError, match="cannot be written: No space left on device") as raised:
        kept(run, disk / "x.zarr")
    assert "make room" in raised.value.hint
    (disk / "others").unlink()
    found = kept(run, disk / "x.zarr")
    xarray.testing.assert_identical(found, sweep(run, SCORES, progress=False))


def test_a_disk_that_may_not_be_written_can_be_read(run, disk) -> None:
    whole = kept(run, disk / "x.zarr")
    kept(run.select([0]), disk / "some.zarr")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    xarray.testing.assert_identical(kept(run, disk / "x.zarr"), whole)
    with pytest.raises(StoreError, match="cannot be written: Read-only file system"):
        kept(run, disk / "some.zarr")
