"""Files that a page hands to the kernel, part by part."""

from __future__ import annotations

import base64

import pytest
from induction_explorer.channel.saving import Save, Saving
from induction_kernels.errors import InductionError, SelectionError


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parts(*contents: bytes, name: str = "loss.csv", file: str = "a") -> list[Save]:
    last = len(contents) - 1
    return [
        Save(file, name, number, number == last, base64.b64encode(content).decode())
        for number, content in enumerate(contents)
    ]


def test_parts_become_a_file_and_no_file_is_written_over(here) -> None:
    saving = Saving()
    for file, stem in (("a", "loss"), ("b", "loss-2"), ("c", "loss-3")):
        first, second = parts(b"step,", file.encode(), file=file)
        assert saving.take(first) == {}
        assert saving.take(first) == {}  # asked again, for the answer was lost
        said = saving.take(second)
        assert said == {"path": str(here / f"{stem}.csv")}
        assert saving.take(second) == said
        assert (here / f"{stem}.csv").read_bytes() == b"step," + file.encode()
    assert len(list(here.iterdir())) == 3


@pytest.mark.parametrize(
    "name", ["../loss.csv", "/tmp/loss.csv", ".csv", ".bashrc", "loss.py", "a/loss.csv", ""]
)
def test_only_figures_and_tables_are_saved_and_only_here(here, name) -> None:
    with pytest.raises(SelectionError, match="no name to save under"):
        Saving().take(parts(b"step", name=name)[0])
    assert list(here.iterdir()) == []


def test_what_is_broken_is_refused(here) -> None:
    with pytest.raises(InductionError, match="part of the file was lost"):
        Saving().take(parts(b"a", b"b")[1])
    with pytest.raises(SelectionError, match="not Base64"):
        Saving().take(Save("a", "loss.csv", 0, last=True, data="?"))
    assert list(here.iterdir()) == []
