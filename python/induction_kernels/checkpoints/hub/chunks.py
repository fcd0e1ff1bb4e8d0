"""Large files in chunks, from a store beside the hub (Xet), or whole, by HTTP.

huggingface_hub takes the chunks wherever a hub offers them and hf_xet is installed. A network that
lets the hub through and not that store has it wait for minutes and then fail.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from induction_kernels.checkpoints.hub.asking import in_a_line

_T = TypeVar("_T")


class Chunks:
    """Whether they can be had, as far as is known."""

    def __init__(self) -> None:
        self._reach = True

    def or_whole(self, download: Callable[[], _T]) -> _T:
        """A download in chunks; whole where that fails, and from then on."""
        if self._reach:
            try:
                return download()
            except RuntimeError as error:  # as hf_xet says whatever went wrong
                self._reach = False
                warnings.warn(
                    f"The store of chunks (Xet) gave nothing ({in_a_line(error)}); files are "
                    "downloaded whole from now on. HF_HUB_DISABLE_XET=1 spares you the wait.",
                    stacklevel=2,
                )
        with _whole():
            return download()


@contextmanager
def _whole() -> Iterator[None]:
    from huggingface_hub import constants

    before = constants.HF_HUB_DISABLE_XET
    constants.HF_HUB_DISABLE_XET = True
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET = before
