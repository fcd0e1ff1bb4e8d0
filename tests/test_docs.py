"""What the pages of docs/ say to type runs, on a hub of this machine, and prints what they say."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import huggingface_hub.constants
import pytest
from induction_kernels.inputs.text_size import LONGEST, ROWS
from induction_kernels.inputs.texts import TextProbe
from induction_kernels.models.model import Model
from local_hub import LocalHub, Repository
from published_models import files_of, moved, pythia, safetensors
from small_models import HUGGING_FACE

DOCS = Path(__file__).parents[1] / "docs"
#: One that is not run says why: <!-- not run: it asks a hub -->.
_SNIPPET = re.compile(
    r"(?:<!-- not run(?:: (?P<why>[^\n]*))? -->\n)?```(?P<kind>python|sh)\n(?P<code>.*?)```",
    re.DOTALL,
)
PAGES = sorted(page.name for page in DOCS.glob("*.md") if _SNIPPET.search(page.read_text()))
#: Where losses are measured and nothing that is printed comes of them.
NO_LOSSES = {"sweeps.md", "own-score.md"}
#: And where of a series of one layer nothing is.
NONE_OF_ONE_LAYER = {"phase-change.md"}
#: The command of this Python, wherever a shell would find another.
_COMMAND = f'induction-explorer() {{ "{sys.executable}" -m induction_explorer "$@"; }}\n'


@pytest.fixture
def published(hub: LocalHub, tokenizer, tmp_path, monkeypatch) -> None:
    """What docs/series.md names, with tiny models: suites on the hub, as HF_ENDPOINT would name it,
    and runs/x."""
    constants = {
        "ENDPOINT": hub.endpoint,
        "HUGGINGFACE_CO_URL_TEMPLATE": hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": str(tmp_path / "cache"),
    }
    for name, value in constants.items():
        monkeypatch.setattr(huggingface_hub.constants, name, value)
    suite = pythia(HUGGING_FACE["gpt_neox"]().eval(), None)
    for name in ("pythia-70m", "pythia-2.8b"):
        hub.repositories[f"EleutherAI/{name}"] = Repository(suite)
    model = HUGGING_FACE["llama"]().eval()
    of = "stage1-step{}-tokens{}B", "stage2-ingredient1-step{}-tokens{}B", "iter_{}"
    branches = {
        "allenai/OLMo-2-0425-1B-early-training": [of[0].format(0, 0), of[0].format(1000, 3)],
        "allenai/OLMo-2-0425-1B": [
            of[0].format(10_000, 21), of[1].format(1000, 3), of[1].format(2000, 5),
        ],
        "me/mine": [of[2].format(1000), of[2].format(2000)],
    }  # fmt: skip
    for repository, names in branches.items():
        hub.repositories[repository] = Repository(dict.fromkeys(names, _files(model, tokenizer, 0)))
    two = "Attn_Only_2L512W_C4_Code"
    saved = {f"checkpoints/{two}_{at:011}.pth": b"" for at in (0, 65_536)}
    hub.repositories[f"NeelNanda/{two}"] = Repository({"main": {"config.json": b"{}"} | saved})
    for step in (10, 20):
        folder = tmp_path / "runs" / "x" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        for name, content in _files(model, tokenizer, step).items():
            (folder / name).write_bytes(content)


@pytest.fixture
def little_text(monkeypatch) -> None:
    """Of the default text a sixteenth: it is the slowest part."""
    little(monkeypatch, lambda model: True)
    monkeypatch.setattr("induction_explorer.series.budget.ROWS", 16)


@pytest.fixture
def little_text_of_one_layer(monkeypatch) -> None:
    little(monkeypatch, lambda model: model.n_layers == 1)


def little(monkeypatch, whose: Callable[[Model], bool]) -> None:
    default = TextProbe.default

    def text(model: Model, rows: int = ROWS, longest: int = LONGEST) -> TextProbe:
        return default(model, 16 if whose(model) else rows, longest)

    monkeypatch.setattr(TextProbe, "default", text)


def _files(model, tokenizer, step: int) -> dict[str, bytes]:
    weights = safetensors(moved(model.state_dict(), step))
    return files_of(model, tokenizer) | {"model.safetensors": weights}


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_snippets_run_one_after_the_other(page, tmp_path, monkeypatch, request) -> None:
    monkeypatch.chdir(tmp_path)
    if page == "series.md":
        request.getfixturevalue("published")
    if page in NO_LOSSES:
        request.getfixturevalue("little_text")
    if page in NONE_OF_ONE_LAYER:
        request.getfixturevalue("little_text_of_one_layer")
    text = (DOCS / page).read_text()
    found = list(_SNIPPET.finditer(text))
    assert len(found) == len(re.findall(r"^```(?:python|sh)$", text, re.MULTILINE))
    assert text.count("<!-- not run") == sum(one["why"] is not None for one in found)
    snippets = [(one["kind"], one["code"]) for one in found if one["why"] is None]
    names: dict[str, object] = {}
    for kind, code in snippets:
        said = re.findall(r"^(?:print\(.*?\)|.*echo .*)  # (.*)$", code, re.MULTILINE)
        printed = _of_python(code, page, names) if kind == "python" else _of_shell(code)
        assert [line for line in printed.splitlines() if kind == "python" or line in said] == said
    if "explorer" in names:
        names["explorer"].close()


def _of_python(code: str, page: str, names: dict[str, object]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(code, page, "exec"), names)
    return printed.getvalue()


def _of_shell(code: str) -> str:
    """Every line of it succeeds."""
    run = subprocess.run(
        ["bash", "-e"], input=_COMMAND + code, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.slow
def test_the_readme_s_lines_for_ones_own_scores_run(tmp_path, monkeypatch) -> None:
    import numpy as np
    import xarray
    from induction_explorer import InductionExplorer, load_demo, sweep

    monkeypatch.chdir(tmp_path)
    readme = (DOCS.parent / "README.md").read_text()
    (code,) = re.findall(r"```python\n(llc = .*?)```", readme, re.DOTALL)
    series = load_demo("attn-only-2l").select([0, 12, -1])
    llc = xarray.DataArray(
        np.ones((3, 2, 8)),
        dims=("checkpoint", "layer", "head"),
        coords={"step": ("checkpoint", series.steps)},
        name="llc",
    )
    llc.to_dataset().to_zarr("llc.zarr", consolidated=False)
    shown: list[InductionExplorer] = []

    def keeping(*given: object, **options: object) -> None:
        shown.append(InductionExplorer(*given, **options))

    names = {"xarray": xarray, "series": series, "sweep": sweep, "InductionExplorer": keeping}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(code, "README.md", "exec"), names)
    shown[0].wait()
    assert [one["name"] for one in shown[0]._scores[0] if one["own"]] == ["output_norm", "llc"]
    shown[0].close()
    assert {"induction", "llc", "output_norm"} <= set(
        xarray.open_zarr("mine.zarr", consolidated=False)
    )
