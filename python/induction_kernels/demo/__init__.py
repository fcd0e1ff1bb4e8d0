"""Three small trained series that come with the package and work offline (MODEL_CARD.md)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.demo.source import BundledSource
from induction_kernels.errors import CheckpointError

#: The series that `load_demo` knows: attention-only transformers of 1, 2 and 3 layers.
DEMOS = ("attn-only-1l", "attn-only-2l", "attn-only-3l")


def load_demo(name: str = "attn-only-2l") -> CheckpointSeries:
    """A bundled series, from the package alone.

    Weights are read, and checked against the manifest's hashes, when a checkpoint is loaded.

    Raises:
        CheckpointError: an unknown name, or files that are not the ones that were shipped.
    """
    if name not in DEMOS:
        raise CheckpointError(
            f"There is no bundled series {name!r}.", f"Bundled: {', '.join(DEMOS)}."
        )
    return CheckpointSeries(_source(name))


@cache
def _source(name: str) -> BundledSource:
    """One a process, so that explorers on the same series share what was computed."""
    return BundledSource(Path(__file__).parent / name)
