"""A HookedTransformer of TransformerLens 2 or 3 is read as any model is."""

from __future__ import annotations

import sys

import pytest
from environments import beside_ours

pytestmark = [pytest.mark.compat, pytest.mark.slow]


@pytest.mark.parametrize("version", ["2.18.0", "3.9.0"])
def test_it_is_read(version) -> None:
    """Beside our own dependencies of today: its own ask for older ones, and it runs on these."""
    environment = beside_ours(
        f"transformer-lens-{version}", sys.executable,
        ("--no-deps", f"transformer-lens=={version}", "better-abc==0.0.3"),
    )  # fmt: skip
    run = environment.run(
        "-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider",
        # HookedTransformer says in 3.9 that it goes; what it imports warns of itself.
        "-W", "ignore::DeprecationWarning", "-W", "ignore::FutureWarning",
        "tests/compat/hooked_transformers.py",
        sources=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    where = environment.run("-c", "import transformer_lens as t; print(t.__file__)")
    assert str(environment.folder) in where.stdout
