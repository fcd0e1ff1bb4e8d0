"""What goes wrong between a hub and this machine, and what is said of it."""

from __future__ import annotations

import subprocess
import threading
import time

import huggingface_hub.constants
import pytest
import torch
from induction_kernels import CheckpointSeries
from induction_kernels.errors import CheckpointError
from local_hub import Fault, Repository
from published_models import pythia, pythia_weights

REPOSITORY = "EleutherAI/pythia-70m"


@pytest.fixture(scope="module")
def branches(model):
    return pythia(model, None, [0, 512, 1000])


@pytest.fixture
def from_hub(hub, branches, tmp_path):
    hub.repositories[REPOSITORY] = Repository(dict(branches))

    def make(repository=REPOSITORY, steps="all", **options):
        options = {"endpoint": hub.endpoint, "cache_dir": tmp_path / "cache"} | options
        return CheckpointSeries.from_hub(repository, steps, **options)

    return make


def is_published(series, index, model) -> bool:
    expected = pythia_weights(model, series.steps[index])
    name = "gpt_neox.layers.1.attention.dense.weight"
    return torch.equal(series.load(index).state_dict()[name].half(), expected[name])


CALLS = {
    "refs": r"GET /api/.*/refs",
    "the list of files": r"GET /api/.*/tree/",
    "a small file's place": r"HEAD .*/config.json",
    "a small file": r"GET .*/config.json",
    "a large file's place": r"HEAD .*/model.safetensors",
    "a large file": r"GET /EleutherAI%2Fpythia-70m/|GET /EleutherAI/pythia-70m/[0-9a-f]{64}",
}


@pytest.mark.slow  # huggingface_hub waits a second longer than it was told
@pytest.mark.parametrize("call", CALLS)
def test_too_many_requests_of_any_call_are_asked_again(from_hub, hub, model, call) -> None:
    hub.faults.append(Fault(CALLS[call], times=2, status=429, headers={"Retry-After": "0"}))
    assert is_published(from_hub(), 1, model)
    assert hub.faults[0].times == 0


@pytest.fixture
def silence(hub, monkeypatch):
    """A function that has a hub take questions and never answer; nobody waits for it long."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_ETAG_TIMEOUT", 0.1)
    over = threading.Event()

    def begin(request: str) -> None:
        hub.faults.append(Fault(request, times=99, silent=over))

    yield begin
    over.set()


def test_a_hub_that_never_answers_ends_in_words(from_hub, silence) -> None:
    silence("/refs")
    with (
        pytest.warns(UserWarning, match="cannot be reached .*timed out"),
        pytest.raises(CheckpointError, match=r"cache holds nothing of .*70m\. Go online"),
    ):
        from_hub()


@pytest.mark.unchecked
def test_lists_that_never_come_are_not_all_waited_for(from_hub, hub, silence, monkeypatch) -> None:
    """Nothing is known against a checkpoint whose list nobody gives; after a rest they are asked
    for again."""
    series = from_hub()
    silence("/tree/")
    with pytest.warns(UserWarning, match="cannot be reached .*timed out") as warned:
        table = series.check(progress=False)
    assert len(warned) == 1
    assert set(table["status"]) == {"unknown"}
    assert hub.count("/tree/") == 3
    hub.faults[0].times = 0
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_ETAG_TIMEOUT", 10)
    series._source.hub._heard_nothing -= 60
    assert set(series.check(progress=False)["status"]) == {"ok"}


def test_a_store_of_chunks_that_cannot_be_reached(from_hub, hub, model, monkeypatch) -> None:
    """As behind a firewall that lets only the hub through: files come whole, and hf_xet, which
    tries for minutes, is asked once."""
    pytest.importorskip("hf_xet")
    monkeypatch.setenv("HF_XET_CLIENT_RETRY_MAX_ATTEMPTS", "0")
    hub.xet = "http://127.0.0.1:9"
    series = from_hub()
    with pytest.warns(UserWarning, match=r"store of chunks .Xet. gave nothing .*127.0.0.1:9"):
        assert is_published(series, 1, model)
    assert is_published(series, 2, model)
    assert hub.count("xet-read-token") == 1
    assert not huggingface_hub.constants.HF_HUB_DISABLE_XET


def test_a_reader_who_wants_no_chunks_gets_none(from_hub, hub, model, monkeypatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    hub.xet = "http://127.0.0.1:9"
    assert is_published(from_hub(), 1, model)
    assert hub.count("xet-read-token") == 0


def test_the_hub_says_how_long_to_wait(from_hub, hub) -> None:
    hub.faults.append(Fault("refs", status=429, headers={"Retry-After": "2"}))
    begun = time.monotonic()
    from_hub()
    assert 2 <= time.monotonic() - begun < 10


def test_a_hub_that_stays_busy(from_hub, hub) -> None:
    hub.faults.append(Fault("refs", times=99, status=429, headers={"Retry-After": "0"}))
    with pytest.raises(CheckpointError, match=r"answered 429 .* wait some minutes"):
        from_hub()
    assert 2 < hub.count("refs") < 20


@pytest.mark.parametrize(("cut", "range_"), [(0, []), (5000, ["bytes=4096-"])])
def test_a_connection_cut_in_mid_file_goes_on_where_it_was(
    from_hub, hub, model, cut, range_, monkeypatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1024)
    hub.faults.append(Fault(CALLS["a large file"], cut=cut))
    assert is_published(from_hub(), 1, model)
    assert [one["range"] for one in hub.headers if "range" in one] == range_


def test_connections_that_are_cut_again_and_again(from_hub, hub, model) -> None:
    hub.faults.append(Fault("GET /api/", times=2, cut=10))
    assert is_published(from_hub(), 1, model)


def test_right_length_and_wrong_bytes_are_downloaded_again(from_hub, hub, model) -> None:
    hub.faults.append(Fault(CALLS["a large file"], altered=True))
    assert is_published(from_hub(), 1, model)
    assert hub.count(CALLS["a large file"]) == 2


@pytest.mark.parametrize("file", ["a large file", "a small file"])
def test_wrong_bytes_twice_are_refused_and_not_kept(from_hub, hub, model, file) -> None:
    hub.faults.append(Fault(CALLS[file], times=2, altered=True))
    series = from_hub(steps=[512])
    with pytest.raises(CheckpointError, match=r"other bytes than .* lists, twice"):
        series.load(0)
    assert is_published(series, 0, model)


def test_a_cache_that_was_damaged_is_downloaded_again(from_hub, hub, model, tmp_path) -> None:
    from_hub(steps=[512]).load(0)
    (blob,) = (path for path in tmp_path.rglob("blobs/*") if len(path.name) == 64)
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    assert is_published(from_hub(steps=[512]), 0, model)
    assert hub.count(CALLS["a large file"]) == 2


def test_a_token_stays_with_the_hub(from_hub, hub, monkeypatch) -> None:
    """And is not sent to the host that keeps the large files."""
    monkeypatch.setenv("HF_TOKEN", hub.token)
    from_hub().load(0)
    sent = {
        path.split()[1].startswith(("/api/", f"/{REPOSITORY}/resolve"))
        for path, headers in zip(hub.asked, hub.headers, strict=True)
        if "authorization" in headers
    }
    assert sent == {True}
    assert hub.count(CALLS["a large file"]) == 1


def test_a_repository_that_is_not_there(from_hub) -> None:
    with pytest.raises(
        CheckpointError, match=r"no repository EleutherAI/pythia-71m at http.*or it is private.*log"
    ):
        from_hub("EleutherAI/pythia-71m")


def test_a_private_repository(from_hub, hub, monkeypatch, model) -> None:
    hub.repositories[REPOSITORY].private = True
    with pytest.raises(CheckpointError, match="or it is private"):
        from_hub()
    monkeypatch.setenv("HF_TOKEN", hub.token)
    assert is_published(from_hub(), 1, model)


@pytest.mark.parametrize("token", [None, "hf_another"], ids=["logged out", "not let in"])
def test_a_gated_repository(from_hub, hub, monkeypatch, token, model) -> None:
    """Its list can be read by all, its files by those whom its owners let in."""
    hub.repositories[REPOSITORY].gated = True
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    series = from_hub()
    with pytest.raises(CheckpointError) as refused:
        series._source.weights(0)
    assert "is gated" in str(refused.value)
    assert f"Accept them at {hub.endpoint}/{REPOSITORY}" in refused.value.hint
    assert "hf auth login" in refused.value.hint
    monkeypatch.setenv("HF_TOKEN", hub.token)
    assert is_published(from_hub(), 1, model)


@pytest.mark.parametrize(
    ("status", "said"), [(403, "Your token may not read it"), (410, "Try again later")]
)
def test_other_refusals(from_hub, hub, status, said) -> None:
    hub.faults.append(Fault("refs", status=status))
    with pytest.raises(CheckpointError, match=rf"answered {status} for {REPOSITORY}.*{said}"):
        from_hub()


def test_a_name_that_is_none(from_hub) -> None:
    with pytest.raises(CheckpointError, match="is no name of a repository"):
        from_hub("EleutherAI/pythia/70m")


def test_a_disk_with_too_little_room_is_seen_before_the_download(from_hub, hub, small_disk) -> None:
    series = from_hub(cache_dir=small_disk)
    with pytest.raises(
        CheckpointError, match=r"model.safetensors has [\d,]+ bytes, and .* has room for [\d,]+"
    ):
        series._source.weights(0)
    assert not hub.count(CALLS["a large file"])


def test_a_disk_that_fills_up_during_a_download(from_hub, hub, small_disk, monkeypatch) -> None:
    """As others write to it, too."""
    monkeypatch.setattr("induction_kernels.checkpoints.hub.hub.Hub._make_room", lambda *_: None)
    series = from_hub(cache_dir=small_disk)
    with (
        pytest.warns(UserWarning, match="Not enough free disk space"),
        pytest.raises(CheckpointError, match=r"has room for [\d,]+\. Free some, or give cache_dir"),
    ):
        series._source.weights(0)
    assert hub.count(CALLS["a large file"])
    assert not list(small_disk.rglob("*.incomplete"))


@pytest.fixture
def small_disk(tmp_path):
    """Of 64 KiB: enough for lists and configurations."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk takes root")
    yield folder
    subprocess.run(["umount", folder], check=True)
