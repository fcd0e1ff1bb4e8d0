"""The example notebooks run as they are, and are kept without outputs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from induction_explorer import load_demo, sweep
from induction_kernels.sweeps.stored import Stored
from local_hub import Repository
from published_models import pythia
from small_models import HUGGING_FACE

if TYPE_CHECKING:
    from nbformat import NotebookNode

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_outputs_are_not_kept(path: Path) -> None:
    cells = json.loads(path.read_text())["cells"]
    assert not any(cell.get("outputs") for cell in cells)
    assert all(cell.get("execution_count") is None for cell in cells)


HUB, HEADS, ONE, OWN_RUN = EXAMPLES
#: Of the default text a quarter for the kernels, and a sixteenth for explorers.
LITTLE_TEXT = """\
import induction_explorer.series.budget
from induction_kernels.inputs.texts import TextProbe
induction_explorer.series.budget.ROWS = 16
default = TextProbe.default
TextProbe.default = lambda model, rows=64, **more: default(model, rows, **more)
"""


def test_they_are_named_for_what_they_show() -> None:
    assert [path.stem for path in EXAMPLES] == [
        "hub_series",
        "induction_heads",
        "one_head",
        "your_own_run",
    ]


@pytest.mark.slow
def test_every_cell_of_your_own_run_runs() -> None:
    assert "Abrupt changes, 5% level: found in" in printed_by(read(OWN_RUN), OWN_RUN.parent)


@pytest.mark.slow
def test_every_cell_of_induction_heads_runs() -> None:
    """At every other checkpoint and the last, on little text."""
    notebook = read(HEADS)
    cell, whole = notebook.cells[0], 'load_demo(f"attn-only-{layers}l")'
    assert cell.source.count(whole) == 1
    cell.source = LITTLE_TEXT + cell.source.replace(
        whole, f"{whole}.select([*range(0, 24, 2), 25])"
    )
    printed = printed_by(notebook, HEADS.parent)
    for name in ("attn-only-2l", "attn-only-3l"):
        assert f"{name}: Abrupt changes, 5% level: found in" in printed
    assert "attn-only-1l: Abrupt changes, 5% level: none found" in printed
    check_causes(printed)


@pytest.mark.slow
def test_every_cell_of_one_head_runs() -> None:
    """On the bundled series, the explorer on little text; of SmolLM2 what is missing is said."""
    notebook = read(ONE)
    notebook.cells[1].source = LITTLE_TEXT + notebook.cells[1].source
    printed = printed_by(notebook, ONE.parent)
    assert "L1H6: rank 2, induction 0.96, class induction" in printed
    # Two fifths of its attention go where there is nothing to move.
    first = re.search(r"^\S+ +0 +<\|bos\|> +(\S+) +(\S+)$", printed, re.MULTILINE)
    assert first is not None
    assert 0.35 < float(first[1]) < 0.45
    assert float(first[2]) < 0.05
    adds = re.search(r"L1H6 adds (\S+), all heads (\S+)", printed)
    assert adds is not None
    assert float(adds[1]) > float(adds[2]) / 2
    assert re.search(r"attends 0\.60 to ' token' and raises ' token' ", printed)
    lost = re.findall(r"nats, probability of the answer (\S+) → (\S+)", printed)
    assert [float(before) > 0.3 for before, _ in lost] == [True, True]
    assert [float(after) > 0.3 for _, after in lost] == [False, True]
    # Estimated and exact: of our head they agree, of the one that feeds it they are opposite.
    rows = (rf"^{head} +(\S+) +(\S+)$" for head in ("1 +6", "0 +4"))
    ours, feeding = (re.search(row, printed, re.MULTILINE) for row in rows)
    assert ours is not None
    assert max(float(ours[1]), float(ours[2])) < -4
    assert feeding is not None
    assert float(feeding[1]) > 2
    assert float(feeding[2]) < -8
    grown = re.search(r"^induction (\[.+\])$", printed, re.MULTILINE)
    assert grown is not None
    values = json.loads(grown[1])
    assert values[0] < 0.05
    assert values[-1] > 0.9


def check_causes(printed: str) -> None:
    """Without the head: repeated tokens cost nats, text next to nothing, and the answer is lost."""
    numbers = re.search(
        r"repeated tokens (\S+) nats, random heads (\S+); on text (\S+) ± \S+; "
        r"probability of the answer (\S+) → (\S+)",
        printed,
    )
    assert numbers is not None
    repeated, random, text, before, after = map(float, numbers.groups())
    assert repeated > max(2, 3 * random)
    assert abs(text) < 0.1
    assert before > 0.3
    assert after < 0.01


@pytest.mark.slow
def test_heads_form_where_the_notebook_says() -> None:
    first, last = map(int, re.findall(r"between (\d+)M and (\d+)M tokens", HEADS.read_text())[0])
    found = sweep(load_demo("attn-only-2l"), ["prefix_matching"], progress=False)
    best = found["prefix_matching"].max(("layer", "head")).values
    inside = np.interp([first * 1e6, last * 1e6], found["tokens"].values, best)
    assert inside[0] < 0.2
    assert inside[1] > 0.8


@pytest.mark.slow
def test_a_suite_is_read_from_a_hub(hub, tokenizer, tmp_path) -> None:
    """The real client of the notebook's kernel, an empty cache, and no other network than this."""
    torch.manual_seed(0)
    model = HUGGING_FACE["gpt_neox"]().eval()
    hub.repositories["EleutherAI/pythia-70m"] = Repository(pythia(model, tokenizer))
    environment = {
        "HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "0",
    }  # fmt: skip
    printed = printed_by(read(HUB), tmp_path, os.environ | environment)
    assert "16 checkpoints, step 0 to step 143,000" in printed
    assert "is step 1, byte for byte, as it should: the learning rate begins at 0" in printed
    assert "step 143,000    299.893B tokens" in printed
    kept = Stored(tmp_path / "pythia-70m.zarr")
    assert len(kept.checkpoints) == 16
    assert set(kept.lacks(kept.checkpoints, kept.names)[0]) == set()
    first = next(i for i, one in enumerate(hub.asked) if "model.safetensors" in one)
    assert sum("/tree/" in one for one in hub.asked[:first]) == 15  # step 1 is step 0


def read(path: Path) -> NotebookNode:
    import nbformat

    return nbformat.read(path, as_version=4)


def printed_by(notebook: NotebookNode, folder: Path, env: Mapping[str, str] | None = None) -> str:
    """By all cells of a notebook, run in this folder, none of which may fail."""
    from nbclient import NotebookClient

    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources)
    client.execute(env=dict(os.environ if env is None else env))
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [one for one in outputs if "ename" in one]
    return "\n".join(
        one.get("text", "") + str(one.get("data", {}).get("text/plain", "")) for one in outputs
    )
