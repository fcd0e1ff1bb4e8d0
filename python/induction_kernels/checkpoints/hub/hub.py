"""A hub of models, through huggingface_hub: what repositories hold, and their files, verified.

What was once listed is kept beside what was downloaded, so that a warm cache needs no network.
Nothing here asks a hub unless a reader names a repository.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from induction_kernels.checkpoints.files import read_json
from induction_kernels.checkpoints.hub.abandoning import told_of_blocks
from induction_kernels.checkpoints.hub.asking import UnreachableError, in_a_line, patiently
from induction_kernels.checkpoints.hub.chunks import Chunks
from induction_kernels.checkpoints.hub.listing import files_of, refs_of
from induction_kernels.checkpoints.hub.passing import passing
from induction_kernels.errors import CheckpointError, UnlistedError

_T = TypeVar("_T")

#: Seconds for which who did not answer is not asked for another list: a series has many.
_REST = 30.0


@dataclass(frozen=True)
class Entry:
    """What a hub says of a file before it is downloaded.

    Attributes:
        blob: Git's hash.
        sha256: of files that Git does not keep itself: the large ones.
    """

    size: int
    blob: str
    sha256: str | None = None

    @property
    def identity(self) -> str:
        """Equal for files of the same bytes."""
        return self.sha256 or self.blob

    def is_of(self, path: Path) -> bool:
        """Whether a file holds the bytes that were listed."""
        digest = (
            hashlib.sha256() if self.sha256 is not None else hashlib.sha1(usedforsecurity=False)
        )
        if self.sha256 is None:
            digest.update(b"blob %d\0" % self.size)
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest() == self.identity


class Hub:
    """One endpoint and one cache.

    Args:
        endpoint: None for HF_ENDPOINT or https://huggingface.co.
        cache: None for huggingface_hub's own.
    """

    def __init__(self, endpoint: str | None = None, cache: str | Path | None = None) -> None:
        from huggingface_hub import constants

        self.endpoint: str = (endpoint or constants.ENDPOINT).rstrip("/")
        self._cache = Path(cache if cache is not None else constants.HF_HUB_CACHE).expanduser()
        # Files that hold the bytes, which commits link to.
        self._verified: set[Path] = set()
        self._fetched: set[Path] = set()
        self._heard_nothing = -math.inf
        self._chunks = Chunks()

    # --- what is there ---

    def refs(self, repository: str) -> dict[str, str]:
        """The commits of branches and tags, by their names.

        Raises:
            CheckpointError: no such repository, or the hub cannot be reached and nothing is kept.
        """
        kept = self._kept(repository) / "refs.json"

        refs = self._online(repository, lambda: refs_of(self.endpoint, repository))
        if refs is not None:
            _keep(kept, refs)
            return refs
        refs = read_json(kept) if kept.is_file() else self._cached_refs(repository)
        if not refs:
            raise CheckpointError(
                f"{self.endpoint} is not asked or cannot be reached, and {self._cache} holds "
                f"nothing of {repository}.",
                "Go online once (unset HF_HUB_OFFLINE), or give cache_dir=... where it was "
                "downloaded to.",
            )
        return refs

    def files(self, repository: str, commit: str) -> dict[str, Entry]:
        """The files of a commit, by path.

        Raises:
            UnlistedError: no such commit, the hub says no, or it cannot be reached and nothing is
                kept.
        """
        kept = self._kept(repository) / f"{commit}.json"
        if kept.is_file():
            return {path: Entry(**said) for path, said in read_json(kept).items()}

        def ask() -> dict[str, Entry]:
            return {
                one["path"]: Entry(one["size"], one["oid"], one.get("lfs", {}).get("oid"))
                for one in files_of(self.endpoint, repository, commit)
            }

        silent = time.monotonic() < self._heard_nothing + _REST
        try:
            files = None if silent else self._online(repository, ask)
        except CheckpointError as error:
            raise UnlistedError(error.message, error.hint) from error
        if files is not None:
            _keep(kept, {path: asdict(entry) for path, entry in files.items()})
            return files
        cached = self._cached_files(repository, commit)
        if cached:
            return cached
        raise UnlistedError(
            f"{repository} at {commit[:12]} is not in {self._cache}, and {self.endpoint} is not "
            "asked or cannot be reached.",
            "Go online once (unset HF_HUB_OFFLINE).",
        )

    # --- files ---

    def file(self, repository: str, commit: str, path: str, entry: Entry) -> Path:
        """A file on this machine, with the bytes that the hub listed.

        Raises:
            CheckpointError: it cannot be had, there is no room for it, or it came altered twice.
        """
        for _ in range(2):
            local = self._download(repository, commit, path, entry)
            blob = local.resolve()
            if blob in self._verified or entry.is_of(blob):
                self._verified.add(blob)
                return local
            _remove(local)
        raise CheckpointError(
            f"{path} of {repository} at {commit[:12]} has other bytes than {self.endpoint} lists, "
            "twice.",
            "A proxy or a mirror alters it: try another endpoint or network.",
        )

    def is_here(self, repository: str, commit: str, path: str) -> bool:
        return self._pointer(repository, commit, path).exists()

    def evict(self, repository: str, commit: str, path: str) -> None:
        """Remove a file that was downloaded by this object: its bytes go with the last commit that
        has them."""
        local = self._pointer(repository, commit, path)
        blob = local.resolve()
        if blob not in self._fetched:
            return
        local.unlink(missing_ok=True)
        others = (self._folder(repository) / "snapshots").glob(f"*/{path}")
        if all(other.resolve() != blob for other in others):
            blob.unlink(missing_ok=True)
            self._fetched.discard(blob)
            self._verified.discard(blob)

    @contextmanager
    def passing(self, repository: str, commit: str, path: str, entry: Entry) -> Iterator[None]:
        """What is downloaded of a file in here is removed by the last to leave, in whichever
        process; what lay here before stays."""
        mark = self._kept(repository) / "passing" / entry.identity
        here = self.is_here(repository, commit, path) or self._blob(repository, entry).exists()
        if here and not mark.exists():
            yield
            return

        def begin() -> None:
            """Remove what a process that was killed left of a download."""
            for unfinished in self._blob(repository, entry).parent.glob(
                f"{entry.identity}.*incomplete"
            ):
                unfinished.unlink(missing_ok=True)

        def remove() -> None:
            begin()
            self._remove(repository, entry)
            self._pointer(repository, commit, path).unlink(missing_ok=True)

        with passing(mark, begin, remove):
            yield

    def _remove(self, repository: str, entry: Entry) -> None:
        """A file's bytes, and all links to them."""
        blob = self._blob(repository, entry)
        shared = blob.resolve()
        for link in (self._folder(repository) / "snapshots").rglob("*"):
            if link.is_symlink() and link.readlink().name == blob.name:
                link.unlink(missing_ok=True)
        blob.unlink(missing_ok=True)
        self._fetched.discard(shared)
        self._verified.discard(shared)
        if shared != blob:
            with suppress(ImportError):  # of a huggingface_hub that keeps one for all repositories
                from huggingface_hub.utils._shared_blobs import sweep_shared_blob

                sweep_shared_blob(shared, cache_dir=self._cache)

    def room(self) -> int:
        """Bytes that can still be downloaded."""
        folder = self._cache
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    def _download(self, repository: str, commit: str, path: str, entry: Entry) -> Path:
        from huggingface_hub import hf_hub_download

        pointer = self._pointer(repository, commit, path)
        if pointer.exists() or self._linked(repository, pointer, entry):
            return pointer
        self._make_room(path, entry.size)

        def ask() -> Path:
            return Path(
                hf_hub_download(
                    repository, path, revision=commit, cache_dir=self._cache,
                    endpoint=self.endpoint, **told_of_blocks(),
                )
            )  # fmt: skip

        try:
            local = self._online(repository, lambda: self._chunks.or_whole(ask))
        except OSError as error:
            raise self._unwritten(path, entry.size, error) from error
        if local is None:
            raise CheckpointError(
                f"{path} of {repository} at {commit[:12]} is not in {self._cache}, and "
                f"{self.endpoint} is not asked or cannot be reached.",
                "Go online (unset HF_HUB_OFFLINE), or choose checkpoints that were downloaded.",
            )
        self._fetched.add(local.resolve())
        return local

    def _linked(self, repository: str, pointer: Path, entry: Entry) -> bool:
        """Whether another commit brought these bytes, as huggingface_hub keeps them: by their
        hash. Then nobody need be asked."""
        blob = self._blob(repository, entry)
        if not blob.is_file():
            return False
        with suppress(OSError):
            pointer.parent.mkdir(parents=True, exist_ok=True)
            pointer.symlink_to(os.path.relpath(blob, pointer.parent))
        return pointer.exists()

    def _make_room(self, path: str, size: int) -> None:
        free = self.room()
        if size > free:
            raise self._full(path, size, free)

    def _full(self, path: str, size: int, free: int) -> CheckpointError:
        return CheckpointError(
            f"{path} has {size:,} bytes, and {self._cache} has room for {free:,}.",
            "Free some, or give cache_dir=... on a larger disk.",
        )

    def _unwritten(self, path: str, size: int, error: OSError) -> CheckpointError:
        if error.errno == errno.ENOSPC:
            return self._full(path, size, shutil.disk_usage(self._cache).free)
        return CheckpointError(
            f"{path} could not be downloaded into {self._cache}: {in_a_line(error)}.",
            "Load it again; if that is no help, look at that folder's permissions.",
        )

    # --- asking ---

    def _online(self, repository: str, ask: Callable[[], _T]) -> _T | None:
        """What was asked; None where nobody can be: offline, by choice or not.

        Raises:
            CheckpointError: the hub said no.
            OSError: what came could not be written.
        """
        from huggingface_hub import constants

        if constants.is_offline_mode():
            return None
        with self._refusals(repository):
            try:
                return patiently(ask)
            except UnreachableError as error:
                self._heard_nothing = time.monotonic()
                warnings.warn(
                    f"{self.endpoint} cannot be reached ({error}); {self._cache} is used.",
                    stacklevel=2,
                )
                return None

    @contextmanager
    def _refusals(self, repository: str) -> Iterator[None]:
        """What a hub says no with, in our words."""
        from huggingface_hub.errors import (
            GatedRepoError,
            HfHubHTTPError,
            HFValidationError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )

        where = f"{self.endpoint}/{repository}"
        try:
            yield
        except HFValidationError as error:
            raise CheckpointError(
                f"{repository!r} is no name of a repository.", "Names are like 'owner/name'."
            ) from error
        except GatedRepoError as error:
            raise CheckpointError(
                f"{repository} is gated: its owners let in who accepts their conditions.",
                f"Accept them at {where}, then log in here: hf auth login, or set HF_TOKEN.",
            ) from error
        except RepositoryNotFoundError as error:
            raise CheckpointError(
                f"There is no repository {repository} at {self.endpoint}, or it is private.",
                "Look at the spelling; for a private one log in: hf auth login, or set HF_TOKEN.",
            ) from error
        except RevisionNotFoundError as error:
            raise CheckpointError(
                f"{repository} no longer has what it listed: {in_a_line(error)}.",
                "Make the series again.",
            ) from error
        except HfHubHTTPError as error:
            status = error.response.status_code
            hint = {
                401: "The token is not accepted: hf auth login, or set HF_TOKEN.",
                403: f"Your token may not read it: look at its permissions, and at {where}.",
                429: "It lets through only so many requests; wait some minutes and go on.",
            }.get(status, "Try again later.")
            raise CheckpointError(
                f"{self.endpoint} answered {status} for {repository}: {in_a_line(error)}.", hint
            ) from error

    # --- what is kept ---

    def _folder(self, repository: str) -> Path:
        return self._cache / f"models--{repository.replace('/', '--')}"

    def _kept(self, repository: str) -> Path:
        return self._folder(repository) / "induction-explorer"

    def _blob(self, repository: str, entry: Entry) -> Path:
        return self._folder(repository) / "blobs" / entry.identity

    def _pointer(self, repository: str, commit: str, path: str) -> Path:
        return self._folder(repository) / "snapshots" / commit / path

    def _cached_refs(self, repository: str) -> dict[str, str]:
        """Those that huggingface_hub itself went by."""
        folder = self._folder(repository) / "refs"
        return {
            path.relative_to(folder).as_posix(): path.read_text().strip()
            for path in folder.rglob("*")
            if path.is_file()
        }

    def _cached_files(self, repository: str, commit: str) -> dict[str, Entry]:
        """Of a snapshot, where files link to blobs that are called by their hashes."""
        folder = self._folder(repository) / "snapshots" / commit
        found = {}
        for path in folder.rglob("*"):
            if path.is_file():
                blob = path.resolve().name
                sha256 = blob if len(blob) == 64 else None
                found[path.relative_to(folder).as_posix()] = Entry(
                    path.stat().st_size, blob, sha256
                )
        return found


def _keep(path: Path, content: Mapping[str, Any]) -> None:
    """Write a list, whole or not at all. A cache that cannot be written to keeps nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        unfinished.write_text(json.dumps(content))
        unfinished.replace(path)
    except OSError:
        return


def _remove(local: Path) -> None:
    local.resolve().unlink(missing_ok=True)
    local.unlink(missing_ok=True)
