"""Files of a checkpoint: read whole, or one sentence that says why not."""

from __future__ import annotations

import json
import mmap
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from induction_kernels.errors import CheckpointError

#: Bytes of two huge pages.
_LARGE = 4 << 20


def read_bytes(path: Path) -> bytes:
    """All of a small file.

    Raises:
        CheckpointError: it cannot be read.
    """
    check_file(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def read_large(path: Path) -> memoryview:
    """All of a file of any size, in memory of its own that may be written to and is freed with the
    last who has it.

    In huge pages, where the system has them: getting a gigabyte page by page takes longer than
    reading it. Less than two of them is memory that this process has had before.

    Raises:
        CheckpointError: it cannot be read.
    """
    size = check_file(path).st_size
    whole = memoryview(bytearray(size) if size < _LARGE else _pages(size))
    there = 0
    try:
        with path.open("rb", buffering=0) as file:
            while there < size and (more := file.readinto(whole[there:])):
                there += more
    except OSError as error:
        raise unreadable(path, error) from error
    return whole[:there]


def _pages(size: int) -> mmap.mmap:
    if os.name == "nt":
        return mmap.mmap(-1, size)
    memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANON)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        CheckpointError: no such file, or something else in it.
    """
    content = read_bytes(path)
    try:
        value = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path} is not JSON ({error}).", "It was truncated or altered; copy it again."
        ) from error
    if not isinstance(value, dict):
        raise CheckpointError(
            f"{path} holds a {type(value).__name__}, not an object.", "Copy it again."
        )
    return value


def is_json(path: Path) -> bool:
    """Whether there is a file with one whole object in it."""
    try:
        read_json(path)
    except CheckpointError:
        return False
    return True


def check_file(path: Path) -> os.stat_result:
    """What the system says of a file that can be read to its end.

    Raises:
        CheckpointError: nothing there, or a folder, a pipe or a device: reading these may never
            end.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist.", "Was it moved since?") from None
    except OSError as error:
        raise unreadable(path, error) from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
        raise CheckpointError(f"{path} is {kind}, not a file.", "Put the file itself there.")
    return status


def unreadable(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(
        f"{path} cannot be read: {error.strerror or error}.", "Look at its permissions and links."
    )
