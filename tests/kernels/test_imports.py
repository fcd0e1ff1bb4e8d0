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
    """Both take seconds to import; a script that only reads a series does not pay for them."""
    code = (
        "import sys, induction_kernels\n"
        "print(*{'anywidget', 'ipywidgets', 'transformer_lens', 'transformers'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
