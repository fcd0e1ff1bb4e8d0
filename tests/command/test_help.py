"""Help comes at once and says what to type; every end has its exit code and its sentence."""

from __future__ import annotations

import subprocess
import sys

import pytest
from commands import COMMAND, here, run
from induction_explorer.command import app as commands
from induction_explorer.command.app import app
from induction_explorer.command.ends import on_stderr

#: What takes seconds to import, and no help needs.
HEAVY = {"torch", "transformers", "numpy", "xarray", "pandas", "anywidget", "IPython", "zarr"}
NAMES = [command.callback.__name__ for command in app.registered_commands]


@pytest.mark.parametrize("command", [[], *([name] for name in NAMES)])
def test_help_imports_nothing_that_computes(command) -> None:
    found = subprocess.run(
        [sys.executable, "-X", "importtime", *COMMAND[1:], *command, "--help"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    imported = {line.rsplit("|", 1)[-1].strip() for line in found.stderr.splitlines()}
    assert "typer" in imported
    assert imported & HEAVY == set()
    assert found.stdout.startswith(f"Usage: induction-explorer {' '.join(command)}".rstrip())


@pytest.mark.parametrize("name", NAMES)
def test_help_of_every_command_has_an_example_and_explains_every_option(name) -> None:
    text = here(name, "--help").stdout
    assert f"Example: induction-explorer {name}" in " ".join(text.split())
    _, said = here("--help").stdout.split("Commands:")
    assert f"  {name} " in said
    assert "..." not in said  # each in a line that fits
    (command,) = (one for one in commands.app.registered_commands if one.callback.__name__ == name)
    assert command.callback.__doc__.splitlines()[0].endswith((".", "?"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Usage: induction-explorer"),
        (("swep",), "No such command 'swep'"),
        (("sweep", "demo:attn-only-2l"), "Missing option '--store'"),
        (("check", "demo:attn-only-9l"), "Bundled: attn-only-1l, attn-only-2l, attn-only-3l."),
        (("check", "./runs/x"), "There is no folder ./runs/x. SERIES is demo:attn-only-2l"),
        (("check", "a/b/c"), "There is no folder a/b/c."),
        (("check", "x.zarr"), "x.zarr is a place of a sweep's numbers"),
        (("check", "nobody-knows"), "There is no folder nobody-knows; as a repository: 'nobody-"),
        (("check", "demo:attn-only-2l", "--steps", "0,7"), "There is no step 7. Near it: 0, "),
        (("check", "demo:attn-only-2l", "--steps", "few"), 'Give "all", "log16" or steps'),
        (("sweep", "demo:attn-only-2l", "--store", "x.zarr", "--scores", "indction"),
         "There is no score 'indction'. Scores: induction,"),
        (("sweep", "demo:attn-only-2l", "--store", "x.zarr", "--refine", "half"),
         "--refine half was given. Give a number of checkpoints"),
        (("sweep", "demo:attn-only-2l", "--store", "x.zarr", "--disk", "20 apples"),
         "--disk 20 apples was given. Give bytes, or such as 500MB or 20GB."),
        (("sweep", "demo:attn-only-2l", "--store", "x.zarr", "--device", "abacus"),
         "'abacus' cannot hold a model here"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_2_and_a_sentence(arguments, said, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = here(*arguments)
    assert found.exit_code == 2
    assert said in found.stderr
    assert "Traceback" not in found.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_error_that_nobody_foresaw_is_no_other_end(monkeypatch, capsys) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("never thought of")

    monkeypatch.setattr("induction_explorer.command.check.series_named", broken)
    monkeypatch.setattr(sys, "argv", ["induction-explorer", "check", "demo:attn-only-2l"])
    with pytest.raises(SystemExit) as end:
        commands.main()
    assert end.value.code == 70
    assert "RuntimeError: never thought of" in capsys.readouterr().err


def test_the_module_runs_as_the_command_does() -> None:
    found = run("check", "nowhere/at/all")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("Error: There is no folder nowhere/at/all.")


def test_what_a_library_prints_is_no_result(capsys) -> None:
    with on_stderr():
        print("Loaded pretrained model")
    assert capsys.readouterr() == ("", "Loaded pretrained model\n")
