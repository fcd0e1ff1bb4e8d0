"""What the pages of docs/ say to type runs, and prints what they say."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
_SNIPPET = re.compile(r"(<!-- not run -->\n)?```python\n(.*?)```", re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["sweeps.md"])
def test_the_snippets_run_one_after_the_other(page, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    snippets = [
        code for skipped, code in _SNIPPET.findall((DOCS / page).read_text()) if not skipped
    ]
    assert len(snippets) >= 4
    names: dict[str, object] = {}
    for code in snippets:
        said = re.findall(r"^print\(.*?\)  # (.*)$", code, re.MULTILINE)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("error")
            exec(compile(code, page, "exec"), names)
        assert printed.getvalue().splitlines() == said
    names["explorer"].close()
