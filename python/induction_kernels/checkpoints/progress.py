"""How far work on the checkpoints of a series is, for whoever waits for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm.auto import tqdm


@contextmanager
def progress_bar(
    name: str, total: int, *, there: int = 0, show: bool = True
) -> Iterator[Callable[[], object]]:
    """What is to be called after each checkpoint."""
    with tqdm(desc=name, unit="checkpoint", total=total, initial=there, disable=not show) as bar:
        yield bar.update


def say(sentence: str) -> None:
    """Above the bars."""
    tqdm.write(sentence, file=sys.stderr)
