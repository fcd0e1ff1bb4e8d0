"""What the pages of docs/ say to type runs, and prints what they say."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
#: One that is not run says why: <!-- not run: it asks a hub -->.
_SNIPPET = re.compile(
    r"(?:<!-- not run(?:: (?P<why>[^\n]*))? -->\n)?```(?P<kind>python|sh)\n(?P<code>.*?)```",
    re.DOTALL,
)
PAGES = sorted(page.name for page in DOCS.glob("*.md") if _SNIPPET.search(page.read_text()))
#: The command of this Python, wherever a shell would find another.
_COMMAND = f'induction-explorer() {{ "{sys.executable}" -m induction_explorer "$@"; }}\n'


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_snippets_run_one_after_the_other(page, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
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
