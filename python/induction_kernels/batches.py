"""Many rows, a batch at a time, in as much memory as there is."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from jaxtyping import Int
from torch import Tensor

from induction_kernels.errors import InductionError

T = TypeVar("T")


def in_batches(
    tokens: Int[Tensor, "batch pos"],
    size: int,
    run: Callable[[Int[Tensor, "rows pos"]], T],
) -> Iterator[tuple[int, T]]:
    """What `run` makes of every `size` rows, with the number of rows.

    When the GPU has not enough memory, the batch is halved, with a warning, and goes on where it
    was: what is done stays done.

    Raises:
        InductionError: not even one row fits.
    """
    done = 0
    while done < len(tokens):
        rows = tokens[done : done + size]
        try:
            found = run(rows)
        except torch.OutOfMemoryError as error:
            # Freed once this frame, which the error holds, is gone: not in here.
            reason = str(error).splitlines()[0]
        else:
            yield len(rows), found
            done += len(rows)
            continue
        torch.cuda.empty_cache()
        if len(rows) == 1:
            raise InductionError(
                f"One row of {tokens.shape[1]} tokens does not fit into memory ({reason}).",
                "Use shorter sequences, a smaller dtype, or another device.",
            )
        size = (len(rows) + 1) // 2
        warnings.warn(
            f"Out of memory with {len(rows)} rows of {tokens.shape[1]} tokens; going on with "
            f"{size} at a time.",
            stacklevel=2,
        )
