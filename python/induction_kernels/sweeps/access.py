"""Getting at the place of a store: what goes wrong there, in words, and one writer at a time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from induction_kernels.errors import InductionError, StoreError

_Found = TypeVar("_Found")

#: On Windows, a file is text unless it is told otherwise.
_BINARY: int = getattr(os, "O_BINARY", 0)
#: What zarr raises of files that are damaged or not its own.
UNREADABLE = (OSError, ValueError, KeyError, TypeError)


def together(work: Iterable[Coroutine[Any, Any, _Found]]) -> list[_Found]:
    """The answers of reads or writes that wait at the same time.

    On zarr's own event loop: a notebook's is running already.
    """
    from zarr.core.sync import sync

    async def gathered() -> list[_Found]:
        return await asyncio.gather(*work)

    return sync(gathered())


def get_all(places: Sequence[Any]) -> list[bytes | None]:
    """What is at each of these places of one store; None where nothing is."""
    if places and _is_on_disk(places[0]):  # which is not waited for on a loop
        return [_get(_path_of(place)) for place in places]
    found = together(place.get() for place in places)
    return [None if one is None else one.to_bytes() for one in found]


def put_all(contents: Iterable[tuple[Any, bytes]]) -> None:
    """Put each at its place, whole or not at all."""
    from zarr.core.buffer import default_buffer_prototype

    contents = list(contents)
    if contents and _is_on_disk(contents[0][0]):
        for place, content in contents:
            _put(_path_of(place), content)
        return
    buffer = default_buffer_prototype().buffer
    together(place.set(buffer.from_bytes(content)) for place, content in contents)


def _is_on_disk(place: Any) -> bool:
    from zarr.storage import LocalStore

    return isinstance(place.store, LocalStore)


def _path_of(place: Any) -> str:
    return f"{place.store.root}/{place.path}"


def _get(path: str) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - many small files, told apart
            return file.readall()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def _put(path: str, content: bytes) -> None:
    """As zarr does, with a third of its calls to the system, each of which lets others run."""
    unfinished = f"{path}.{uuid.uuid4().hex}.partial"
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(handle, left) :]
        finally:
            os.close(handle)
        os.replace(unfinished, path)  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)  # noqa: PTH108
        raise


def remove_all(places: Iterable[Any]) -> None:
    """Leave nothing at these places."""
    together(place.delete() for place in places)


@contextlib.contextmanager
def reading(place: str) -> Iterator[None]:
    """Raise a StoreError for what cannot be read."""
    try:
        yield
    except Exception as error:
        if isinstance(error, ImportError):
            raise _without_client(place, error) from error
        if not _is_of(place, error, UNREADABLE):
            raise
        raise StoreError(
            f"{place} cannot be read: {_in_short(error)}.",
            "Restore it from a copy, or give the sweep another place.",
        ) from error


@contextlib.contextmanager
def writing(place: str) -> Iterator[None]:
    """Raise a StoreError for what cannot be written."""
    try:
        yield
    except Exception as error:
        if not _is_of(place, error, (OSError,)):
            raise
        raise StoreError(
            f"{place} cannot be written: {_in_short(error)}.",
            "What it holds is kept: make room, or let it be written, and run the same call again.",
        ) from error


def _is_of(place: str, error: Exception, kinds: tuple[type[Exception], ...]) -> bool:
    """Whether a place raises such: of one elsewhere it is anything, by libraries of many kinds."""
    elsewhere = folder_of(place) is None
    return isinstance(error, kinds) or (elsewhere and not isinstance(error, InductionError))


def _without_client(place: str, error: ImportError) -> StoreError:
    scheme = place.partition("://")[0]
    what = "pip install 'induction-explorer[s3]'" if scheme in {"s3", "s3a"} else str(error)
    return StoreError(f"{scheme}:// needs a library that is not installed.", what)


def _in_short(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]


def options_of(place: str) -> dict[str, Any]:
    """How zarr is to open a place: no list of a bucket is kept, which others write into."""
    elsewhere = folder_of(place) is None
    return {"storage_options": {"use_listings_cache": False}} if elsewhere else {}


def folder_of(place: str) -> Path | None:
    """Where a place is on this machine's disks; None for one that is elsewhere."""
    return None if "://" in place else Path(place)


@contextlib.contextmanager
def alone(place: str) -> Iterator[None]:
    """No other process that asks for the same is in here at the same time.

    The kernel lets go of the lock of a process that is killed. Where there are none, as in a bucket
    or on some network disks, two processes may be in here; they write the same then, unless they
    sweep different checkpoints of one series.
    """
    folder = folder_of(place)
    if folder is None or os.name == "nt":
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
