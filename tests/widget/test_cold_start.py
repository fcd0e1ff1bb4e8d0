"""What a kernel that has just started imports before it shows anything."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # each waits for a process of its own

#: Of tables, of figures, and of models that are not bundled, with what these import.
HEAVY = (
    "xarray", "pandas", "matplotlib", "scipy", "transformer_lens", "datasets", "sympy", "sklearn",
    "pytest", "torch._dynamo", "transformers",
)  # fmt: skip

#: Noted when the page is sent its first grid.
FIRST_GRID = """
import sys
from induction_explorer import InductionExplorer, load_demo
from induction_explorer.channel.worker import SHARED
noted = []
with SHARED:
    explorer = InductionExplorer(load_demo("attn-only-2l"))
    explorer.observe(lambda _: noted.append(set(sys.modules)), "_grids")
with SHARED:
    SHARED.wait_for(lambda: noted, 60)
explorer.close()
print(*sorted({} & noted[0]))
"""


def run(script: str) -> list[str]:
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.split()


def test_importing_the_widget_loads_no_table_no_figure_and_no_model() -> None:
    script = "import sys, induction_explorer\nprint(*sorted({} & set(sys.modules)))"
    assert run(script.format(set(HEAVY))) == []


def test_a_grid_of_a_bundled_series_is_shown_before_any_of_them_is_loaded() -> None:
    assert run(FIRST_GRID.format(set(HEAVY))) == []
