"""Many rows, a batch at a time, in as much memory as there is."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import SupportsIndex, TypeVar

import torch
from jaxtyping import Int
from torch import Tensor

from induction_kernels.errors import InductionError, ProbeError
from induction_kernels.whole_numbers import whole_number

T = TypeVar("T")


def check_rows(name: str, rows: SupportsIndex) -> int:
    """A caller's number of rows, once it is known to be one.

    Raises:
        ProbeError: anything but a whole number from 1; `name` is the argument's.
    """
    count = whole_number(rows, 1)
    if count is None:
        raise ProbeError(f"{name}={rows!r} was given.", "Give a whole number of rows, at least 1.")
    return count


def in_batches(
    tokens: Int[Tensor, "batch pos"],
    size: int,
    run: Callable[[slice], T],
    *,
    groups: Sequence[slice] = (),
) -> Iterator[tuple[slice, T]]:
    """What `run` makes of every `size` rows, with their place in the batch.

    When the GPU has not enough memory, the batch is halved, with a warning, and goes on where it
    was: what is done stays done.

    Args:
        groups: which no part reaches out of; they follow upon each other.

    Raises:
        ProbeError: a size that is no whole number from 1.
        InductionError: not even one row fits.
    """
    for result in in_batches_by_steps(tokens, size, partial(_at_once, run), groups=groups):
        if result is not None:
            yield result


def _at_once(run: Callable[[slice], T], part: slice) -> Generator[None, None, T]:
    yield from ()
    return run(part)


def in_batches_by_steps(
    tokens: Int[Tensor, "batch pos"],
    size: int,
    run: Callable[[slice], Generator[None, None, T]],
    *,
    groups: Sequence[slice] = (),
) -> Iterator[tuple[slice, T] | None]:
    """`in_batches` of what has steps itself: None after each of these.

    A part that runs out of memory in the middle begins anew, in two.
    """
    size = check_rows("batch_size", size)
    done = 0
    while done < len(tokens):
        end = next((group.stop for group in groups if done < group.stop), len(tokens))
        part = slice(done, min(done + size, end))
        count = part.stop - part.start
        try:
            result = yield from run(part)
        except torch.OutOfMemoryError as error:
            # Its frames hold tensors, which can only be freed once it is gone: not in here.
            reason = str(error).splitlines()[0]
        else:
            yield part, result
            done = part.stop
            continue
        torch.cuda.empty_cache()
        if count == 1:
            raise InductionError(
                f"One row of {tokens.shape[1]} tokens does not fit into memory ({reason}).",
                "Use shorter sequences, a smaller dtype, or another device.",
            )
        size = (count + 1) // 2
        warnings.warn(
            f"Out of memory with {count} rows of {tokens.shape[1]} tokens; going on with "
            f"{size} at a time.",
            stacklevel=2,
        )
