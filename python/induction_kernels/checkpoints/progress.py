"""How far work on checkpoints of a series, or rows of a text, is, for whoever waits for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm.auto import tqdm


@contextmanager
def progress_bar(
    name: str, total: int, *, there: int = 0, unit: str = "checkpoint", show: bool = True
) -> Iterator[Callable[..., object]]:
    """What is to be called after each of them, or with how many there were."""
    with tqdm(desc=name, unit=unit, total=total, initial=there, disable=not show) as bar:
        yield bar.update


def say(sentence: str) -> None:
    """Above the bars."""
    tqdm.write(sentence, file=sys.stderr)
