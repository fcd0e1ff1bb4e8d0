"""A hub of models, through huggingface_hub: what repositories hold, and their files, verified.

What was once listed is kept beside what was downloaded, so that a warm cache needs no network.
Nothing here asks a hub unless a reader names a repository.
"""

from __future__ import annotations

import errno
import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from induction_kernels.checkpoints.hub.abandoning import told_of_blocks
from induction_kernels.checkpoints.hub.asking import UnreachableError, in_a_line, patiently
from induction_kernels.checkpoints.hub.cache import Cache, Entry
from induction_kernels.checkpoints.hub.chunks import Chunks
from induction_kernels.checkpoints.hub.listing import files_of, refs_of
from induction_kernels.errors import CheckpointError, UnlistedError

_T = TypeVar("_T")

#: Seconds for which who did not answer is not asked for another list: a series has many.
_REST = 30.0


class Hub:
    """One endpoint and one cache.

    Args:
        endpoint: None for HF_ENDPOINT or https://huggingface.co.
        cache: None for huggingface_hub's own.
    """

    def __init__(self, endpoint: str | None = None, cache: str | Path | None = None) -> None:
        from huggingface_hub import constants

        self.endpoint: str = (endpoint or constants.ENDPOINT).rstrip("/")
        root = Path(cache if cache is not None else constants.HF_HUB_CACHE)
        self.cache = Cache(root.expanduser())
        self._heard_nothing = -math.inf
        self._chunks = Chunks()

    # --- what is there ---

    def refs(self, repository: str) -> dict[str, str]:
        """The commits of branches and tags, by their names.

        Raises:
            CheckpointError: no such repository, or the hub cannot be reached and nothing is kept.
        """
        refs = self._online(repository, lambda: refs_of(self.endpoint, repository))
        if refs is not None:
            self.cache.keep_refs(repository, refs)
            return refs
        refs = self.cache.refs(repository)
        if not refs:
            raise CheckpointError(
                f"{self.endpoint} is not asked or cannot be reached, and {self.cache.root} holds "
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
        listed = self.cache.files(repository, commit)
        if listed is not None:
            return listed

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
            self.cache.keep_files(repository, commit, files)
            return files
        cached = self.cache.files_of_snapshot(repository, commit)
        if cached:
            return cached
        raise UnlistedError(
            f"{repository} at {commit[:12]} is not in {self.cache.root}, and {self.endpoint} is "
            "not asked or cannot be reached.",
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
            if self.cache.is_sound(local, entry):
                return local
            self.cache.discard(local)
        raise CheckpointError(
            f"{path} of {repository} at {commit[:12]} has other bytes than {self.endpoint} lists, "
            "twice.",
            "A proxy or a mirror alters it: try another endpoint or network.",
        )

    def _download(self, repository: str, commit: str, path: str, entry: Entry) -> Path:
        from huggingface_hub import hf_hub_download

        pointer = self.cache.pointer(repository, commit, path)
        if pointer.exists() or self.cache.links(repository, pointer, entry):
            return pointer
        self._make_room(path, entry.size)

        def ask() -> Path:
            return Path(
                hf_hub_download(
                    repository, path, revision=commit, cache_dir=self.cache.root,
                    endpoint=self.endpoint, **told_of_blocks(),
                )
            )  # fmt: skip

        try:
            local = self._online(repository, lambda: self._chunks.or_whole(ask))
        except OSError as error:
            raise self._unwritten(path, entry.size, error) from error
        if local is None:
            raise CheckpointError(
                f"{path} of {repository} at {commit[:12]} is not in {self.cache.root}, and "
                f"{self.endpoint} is not asked or cannot be reached.",
                "Go online (unset HF_HUB_OFFLINE), or choose checkpoints that were downloaded.",
            )
        self.cache.fetched(local)
        return local

    def _make_room(self, path: str, size: int) -> None:
        free = self.cache.room()
        if size > free:
            raise self._full(path, size, free)

    def _full(self, path: str, size: int, free: int) -> CheckpointError:
        return CheckpointError(
            f"{path} has {size:,} bytes, and {self.cache.root} has room for {free:,}.",
            "Free some, or give cache_dir=... on a larger disk.",
        )

    def _unwritten(self, path: str, size: int, error: OSError) -> CheckpointError:
        if error.errno == errno.ENOSPC:
            return self._full(path, size, self.cache.room())
        return CheckpointError(
            f"{path} could not be downloaded into {self.cache.root}: {in_a_line(error)}.",
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
                    f"{self.endpoint} cannot be reached ({error}); {self.cache.root} is used.",
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
