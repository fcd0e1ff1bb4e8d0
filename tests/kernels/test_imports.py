"""The numbers never know of the screen."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import induction_kernels
import pytest

SCREEN = {"anywidget", "traitlets", "ipywidgets", "IPython", "induction_explorer"}
KERNELS = Path(induction_kernels.__file__).parent
SOURCES = sorted(KERNELS.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(KERNELS)))
def test_no_kernel_imports_the_screen(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
    assert not imported & SCREEN


@pytest.mark.slow
def test_importing_the_kernels_loads_no_widget_and_no_model_library() -> None:
    """They take seconds to import; a script that only reads a series, or what a sweep kept, does
    not pay for what it does not use."""
    heavy = {"anywidget", "ipywidgets", "transformer_lens", "transformers", "torch"}
    code = (
        "import sys, induction_kernels\n"
        "from induction_kernels import phase_changes\n"
        "from induction_kernels.sweeps.stored import Stored\n"
        f"print(*{heavy} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_every_public_name_is_there() -> None:
    assert set(induction_kernels.__all__) <= set(dir(induction_kernels))
    assert all(getattr(induction_kernels, name) is not None for name in induction_kernels.__all__)
    with pytest.raises(AttributeError, match="no attribute 'sweeep'"):
        _ = induction_kernels.sweeep
