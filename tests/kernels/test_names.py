"""Names that come from anywhere, as they are shown."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from induction_kernels import as_model, plots
from induction_kernels.names import distinct, legible, without_folders
from tiny import tiny
from xarray import Dataset

TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("run 1", "run 1"),
        ("a\u202eb", "a\\u202Eb"),
        ("run\udc80", "run\\uDC80"),
        ("a\u200b\ufeffb", "a\\u200B\\uFEFFb"),
        ("\x00\x1b[31m", "\\x00\\x1B[31m"),
        ("ריצה é 👩‍👧", "ריצה é 👩‍👧"),
    ],
)
def test_what_cannot_be_read_is_written_as_an_escape(name, shown) -> None:
    assert legible(name) == shown


@given(st.text(st.characters(codec=None)))
def test_any_name_can_be_written_and_turns_nothing_around(name) -> None:
    shown = legible(name)
    shown.encode()
    assert not {unicodedata.bidirectional(character) for character in shown} & TURNING
    assert legible(shown) == shown


@given(st.lists(st.sampled_from(["run", "run (2)", "run (2) (2)", "", " (2)"]), max_size=8))
def test_equal_names_are_numbered(names) -> None:
    found = distinct(names)
    assert len(set(found)) == len(found) == len(names)
    assert all(one.startswith(name) for one, name in zip(found, names, strict=True))
    assert distinct(["run", "other", "run", "run"]) == ["run", "other", "run (2)", "run (3)"]


def test_a_figure_of_such_a_name_can_be_saved() -> None:
    coordinates = {"step": ("checkpoint", [0, 10, 100]), "tokens": ("checkpoint", [0, 1, 2])}
    one = Dataset({"loss": ("checkpoint", [3.0, 2.0, 1.0])}, coordinates)
    ax = plots.over_training({"run\udc80": one, "\u202eevil": one, "$x": one}, "loss")
    names = {text.get_text() for text in ax.texts}
    assert {"run\\uDC80", "\\u202Eevil", "$x"} <= names
    for kind in ("svg", "png", "pdf"):
        ax.figure.savefig(io.BytesIO(), format=kind)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/home/me/runs/SmolLM2-135M", "SmolLM2-135M"),
        ("/home/me/runs/SmolLM2-135M/", "SmolLM2-135M"),
        ("./runs/last", "last"),
        ("../last.gguf", "last.gguf"),
        ("~/models/tiny", "tiny"),
        (r"C:\models\tiny", "tiny"),
        ("a/b/c", "c"),
        ("EleutherAI/pythia-70m", "EleutherAI/pythia-70m"),
        ("gpt2", "gpt2"),
        ("/", ""),
        ("  ", ""),
        ("x" * 300, "x" * 300),
        ("a\0b", "a\0b"),
    ],
)
def test_of_a_path_the_last_part_is_a_name(name, shown) -> None:
    assert without_folders(name) == shown


def test_a_folder_that_is_there_is_a_path(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "tiny").mkdir(parents=True)
    assert without_folders("runs/tiny") == "tiny"
    assert without_folders(".") == tmp_path.name


@pytest.mark.parametrize(
    ("own", "shown"),
    [
        ("/tmp/somewhere/tiny-llama", "tiny-llama"),
        ("", "LlamaForCausalLM"),
        (" ", "LlamaForCausalLM"),
        ("/", "LlamaForCausalLM"),
        ("organisation/tiny", "organisation/tiny"),
        ("n" * 300, "n" * 300),
    ],
)
def test_a_model_is_named_by_what_it_was_loaded_from(own, shown) -> None:
    model = tiny("LlamaForCausalLM")
    model.config.name_or_path = own
    assert as_model(model).name == shown
    assert as_model(model, name="mine").name == "mine"
