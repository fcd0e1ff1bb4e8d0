"""`induction-explorer check`: a table, or JSON, and an exit code that a script can go by."""

from __future__ import annotations

import json

import pytest
from commands import here, run
from huggingface_hub import constants
from induction_explorer import CheckpointSeries
from local_hub import Repository, local_hub
from published_models import files_of, moved, pythia, safetensors
from small_models import HUGGING_FACE


def test_a_sound_series_ends_with_0() -> None:
    found = here("check", "demo:attn-only-2l", "--steps", "log4")
    assert found.exit_code == 0
    *rows, last = found.stdout.splitlines()
    assert len(rows) == 4
    assert all(row.split()[-1] == "ok" for row in rows)
    assert last == "attn-only-2l: 4 checkpoints, 0 faults, 0 notes."


def test_a_fault_ends_with_1_and_its_reason_in_the_row(trained) -> None:
    found = here("check", trained, "--weights")
    assert found.exit_code == 1
    rows = {line[:7]: line[7:].split(maxsplit=1) for line in found.stdout.splitlines()}
    assert rows["step 0 "] == rows["step 20"] == ["ok"]
    status, reason = rows["step 10"]
    assert status == "fault"
    assert "is not a whole safetensors file" in reason
    assert found.stdout.endswith("run: 3 checkpoints, 1 faults, 0 notes.\n")


@pytest.mark.slow
def test_a_repository_whose_branch_holds_the_final_model_is_found_out(tmp_path) -> None:
    """As JSON alone on stdout, by a process of its own, with nothing but listings asked for."""
    model = HUGGING_FACE["gpt_neox"]()
    files = files_of(model)
    branches = {
        f"step{step}": files | {"model.safetensors": safetensors(moved(model.state_dict(), step))}
        for step in (0, 1000, 2000, 3000)
    }
    branches["step1000"] = branches["main"] = branches["step3000"]
    with local_hub() as hub:
        hub.repositories["EleutherAI/pythia-14m"] = Repository(branches)
        found = run(
            "check", "EleutherAI/pythia-14m", "--json",
            HF_ENDPOINT=hub.endpoint, HF_HUB_OFFLINE="0", HF_HOME=str(tmp_path),
        )  # fmt: skip
        assert not hub.count("/resolve/")
    assert found.returncode == 1, found.stderr
    said = json.loads(found.stdout)
    assert said["faults"] == 1
    assert [one["status"] for one in said["checkpoints"]] == ["ok", "fault", "ok", "ok"]
    assert said["checkpoints"][1]["label"] == "step 1,000"
    assert "final model" in said["checkpoints"][1]["reason"]
    assert "checkpoint/s" in found.stderr  # the progress


def test_what_nobody_can_be_asked_about_ends_with_1(hub, tmp_path, monkeypatch) -> None:
    """Offline, with a list of the branches and of nothing in them."""
    model = HUGGING_FACE["gpt_neox"]()
    hub.repositories["EleutherAI/pythia-14m"] = Repository(pythia(model, None, [0, 8, 512]))
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    CheckpointSeries.from_hub("EleutherAI/pythia-14m")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    found = here("check", "EleutherAI/pythia-14m")
    assert found.exit_code == 1
    *rows, last = found.stdout.splitlines()
    assert len(rows) == 3
    assert all("  unknown  EleutherAI/pythia-14m at " in row for row in rows)
    assert last == "pythia-14m: 3 checkpoints, 0 faults, 0 notes, 3 unknown."
