"""`induction-explorer sweep`: the numbers of the library's, kept; stopped, it says how to go on."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
import xarray
from commands import COMMAND, here, run
from huggingface_hub import constants
from induction_explorer import InductionExplorer, load_demo, sweep
from local_hub import Repository
from patience import PATIENCE
from published_models import files_of, moved, safetensors
from small_models import HUGGING_FACE

SWEEP = ("sweep", "demo:attn-only-2l", "--steps", "log4", "--scores", "induction,previous_token")


def test_what_it_keeps_is_what_the_library_finds(tmp_path) -> None:
    place = tmp_path / "x.zarr"
    found = here(*SWEEP, "--store", place)
    assert found.exit_code == 0
    kept = xarray.open_zarr(place, consolidated=False).sortby("step").load()
    series = load_demo("attn-only-2l")
    at = [series.steps.index(step) for step in kept["step"].values]
    assert len(at) == 4
    wanted = sweep(series.select(at), ["induction", "previous_token"], progress=False)
    for name in ("induction", "previous_token"):
        assert (kept[name].values == wanted[name].values).all()
    said = found.stdout
    assert f"{place} holds 4 checkpoints of attn-only-2l: 2 scores of" in said
    layer, head = divmod(int(wanted["induction"].values[-1].argmax()), wanted.sizes["head"])
    assert f"Highest induction at the end: L{layer}H{head}, " in said
    assert f"induction-explorer show {place}" in said


@pytest.mark.slow
def test_json_is_all_of_stdout_and_progress_with_its_eta_is_on_stderr(tmp_path) -> None:
    place = tmp_path / "x.zarr"
    found = run(*SWEEP, "--store", place, "--json")
    assert found.returncode == 0, found.stderr
    said = json.loads(found.stdout)
    assert said.pop("steps") == [
        int(s) for s in xarray.open_zarr(place, consolidated=False)["step"]
    ]
    assert said == {
        "series": "attn-only-2l", "store": str(place), "scores": ["induction", "previous_token"],
        "measures": [], "faults": {},
    }  # fmt: skip
    assert "attn-only-2l: 100%" in found.stderr
    assert "<00:00" in found.stderr


def test_what_cannot_be_read_ends_with_1_and_is_read_again_on_demand(trained, tmp_path) -> None:
    place = tmp_path / "x.zarr"
    asked = ("sweep", trained, "--store", place, "--scores", "induction")
    found = here(*asked)
    assert found.exit_code == 1
    assert "holds 3 checkpoints" in found.stdout
    cure = "The same command with --retry reads them again."
    assert f"Checkpoints that could not be read: 1. {cure}\n  step 10: " in found.stderr
    said = here(*asked, "--json")
    assert said.exit_code == 1
    assert [*json.loads(said.stdout)["faults"]] == ["step 10"]


def test_another_sweep_in_the_place_is_refused(store) -> None:
    found = here("sweep", "demo:attn-only-1l", "--store", store, "--scores", "induction")
    assert found.exit_code == 2
    assert found.stderr.splitlines()[-1].startswith(f"Error: {store} holds another ")


@pytest.mark.slow
def test_stopped_by_ctrl_c_it_says_how_to_go_on_and_does(tmp_path) -> None:
    place = tmp_path / "my x.zarr"
    asked = ("sweep", "demo:attn-only-2l", "--store", str(place))
    process = subprocess.Popen(
        [*COMMAND, *asked], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + PATIENCE
    while len(kept(place)) < 3:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, stderr
    assert stdout == ""
    assert "Traceback" not in stderr
    there = {row: kept(place)[row] for row in kept(place)}
    assert f"of {len(load_demo('attn-only-2l'))} checkpoints in {place};" in stderr
    again = stderr.strip().splitlines()[-1].strip()
    assert again == f"induction-explorer sweep demo:attn-only-2l --store '{place}'"
    found = here(*asked)
    assert found.exit_code == 0, found.stderr
    assert f"holds {len(load_demo('attn-only-2l'))} checkpoints" in found.stdout
    assert {row: kept(place)[row] for row in there} == there  # nothing was written again


@pytest.mark.slow
@pytest.mark.filterwarnings("default:Of pythia-14m")  # which the command prints
def test_of_a_repository_it_says_what_is_doubtful_and_keeps_to_the_disk(
    hub, tmp_path, monkeypatch
) -> None:
    """A warning is a sentence; what is too large is refused before it is downloaded."""
    model = HUGGING_FACE["gpt_neox"]()
    files = files_of(model)
    branches = {
        f"step{step}": files | {"model.safetensors": safetensors(moved(model.state_dict(), step))}
        for step in (0, 1000, 2000)
    }
    branches["step1000"] = branches["main"] = branches["step2000"]
    size = len(branches["main"]["model.safetensors"])
    hub.repositories["EleutherAI/pythia-14m"] = Repository(branches)
    asked = ("sweep", "EleutherAI/pythia-14m", "--store", tmp_path / "x.zarr")
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE",
        hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}",
    )  # fmt: skip
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "refused"))
    refused = here(*asked, "--disk", "1kB")
    assert refused.exit_code == 2
    assert "and disk=1,000 lets 1 kB lie on the disk." in refused.stderr
    assert not hub.count(r"/resolve/.*safetensors")
    online = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path)}
    found = run(*asked, "--scores", "induction", "--disk", f"{size / 1000}kB", **online)
    assert found.returncode == 0, found.stderr
    assert "holds 3 checkpoints" in found.stdout
    assert "\nWarning: Of pythia-14m, what 1 of 3 checkpoints hold is not what" in found.stderr
    assert "UserWarning" not in found.stderr
    assert all(path.stat().st_size < size for path in tmp_path.rglob("blobs/*"))


def kept(place: Path) -> dict[str, int]:
    """The chunks of the induction score, and when they were written; none while it is written."""
    chunks = (place / "induction").glob("c.*")
    return {one.name: one.stat().st_mtime_ns for one in chunks if one.suffix != ".partial"}


def test_prompts_are_kept_with_their_answers(tmp_path) -> None:
    place = tmp_path / "x.zarr"
    prompts = ("--prompt", "the list of the list of", "--prompt", "the list of the=> list")
    assert here(*SWEEP, "--store", place, *prompts).exit_code == 0
    explorer = InductionExplorer.from_store(place)
    assert explorer._series[0]["kept_prompts"] == [
        ["the list of the list of", ""], ["the list of the", " list"]
    ]  # fmt: skip
    assert explorer._prompts[0]["error"] is None
    explorer.close()
