"""The explorer whose copies are opened in browsers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from induction_explorer import InductionExplorer, load_demo
from induction_kernels.inputs.texts import TextProbe

#: Some checkpoints, close to each other where the heads form, so that a phase change is found.
FORMING = [0, 4, 8, 12, 14, 16, 18, 20, 22, 25]


@contextmanager
def computed_demo(checkpoints: Sequence[int] = FORMING) -> Iterator[InductionExplorer]:
    """Of these of the bundled two-layer series, with all that is computed unasked: losses of eight
    rows of text, a fifth of the time that all rows take."""
    series = load_demo("attn-only-2l").select(checkpoints)
    explorer = InductionExplorer(
        series, texts=TextProbe.default(series.replica(private=True).model(-1), rows=8)
    )
    try:
        explorer.wait()
        yield explorer
    finally:
        explorer.close()
