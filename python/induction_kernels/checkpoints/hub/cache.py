"""A cache in huggingface_hub's layout: files by commit and path, their bytes by hash; and beside
them what a hub once listed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from induction_kernels.checkpoints.files import read_json
from induction_kernels.checkpoints.hub.passing import passing


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


class Cache:
    """Attributes:
    root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        # Files that hold the bytes, which commits link to.
        self._verified: set[Path] = set()
        self._fetched: set[Path] = set()

    # --- lists ---

    def refs(self, repository: str) -> dict[str, str]:
        """As a hub listed them last, or else those that huggingface_hub itself went by."""
        listed = self._kept(repository) / "refs.json"
        return read_json(listed) if listed.is_file() else self._refs_of_snapshots(repository)

    def keep_refs(self, repository: str, refs: Mapping[str, str]) -> None:
        _keep(self._kept(repository) / "refs.json", refs)

    def files(self, repository: str, commit: str) -> dict[str, Entry] | None:
        """As a hub listed them; they never change. None where it was not asked."""
        listed = self._kept(repository) / f"{commit}.json"
        if not listed.is_file():
            return None
        return {path: Entry(**said) for path, said in read_json(listed).items()}

    def keep_files(self, repository: str, commit: str, files: Mapping[str, Entry]) -> None:
        said = {path: asdict(entry) for path, entry in files.items()}
        _keep(self._kept(repository) / f"{commit}.json", said)

    def _refs_of_snapshots(self, repository: str) -> dict[str, str]:
        """Those that huggingface_hub itself went by."""
        folder = self._folder(repository) / "refs"
        return {
            path.relative_to(folder).as_posix(): path.read_text().strip()
            for path in folder.rglob("*")
            if path.is_file()
        }

    def files_of_snapshot(self, repository: str, commit: str) -> dict[str, Entry]:
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

    # --- files ---

    def pointer(self, repository: str, commit: str, path: str) -> Path:
        """Where a file of a commit is, if it is here."""
        return self._folder(repository) / "snapshots" / commit / path

    def is_sound(self, local: Path, entry: Entry) -> bool:
        """Whether a file holds the bytes that were listed; each is read once."""
        blob = local.resolve()
        if blob not in self._verified and not entry.is_of(blob):
            return False
        self._verified.add(blob)
        return True

    def discard(self, local: Path) -> None:
        """Remove a file whose bytes are not those that were listed."""
        local.resolve().unlink(missing_ok=True)
        local.unlink(missing_ok=True)

    def fetched(self, local: Path) -> None:
        """It was downloaded by this object, which may remove it."""
        self._fetched.add(local.resolve())

    def links(self, repository: str, pointer: Path, entry: Entry) -> bool:
        """Whether another commit brought these bytes, as huggingface_hub keeps them: by their
        hash. Then nobody need be asked."""
        blob = self._blob(repository, entry)
        if not blob.is_file():
            return False
        with suppress(OSError):
            pointer.parent.mkdir(parents=True, exist_ok=True)
            pointer.symlink_to(os.path.relpath(blob, pointer.parent))
        return pointer.exists()

    def is_here(self, repository: str, commit: str, path: str) -> bool:
        return self.pointer(repository, commit, path).exists()

    def evict(self, repository: str, commit: str, path: str) -> None:
        """Remove a file that was downloaded by this object: its bytes go with the last commit that
        has them."""
        local = self.pointer(repository, commit, path)
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
            self.pointer(repository, commit, path).unlink(missing_ok=True)

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

                sweep_shared_blob(shared, cache_dir=self.root)

    def room(self) -> int:
        """Bytes that can still be downloaded."""
        folder = self.root
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    def _folder(self, repository: str) -> Path:
        return self.root / f"models--{repository.replace('/', '--')}"

    def _kept(self, repository: str) -> Path:
        return self._folder(repository) / "induction-explorer"

    def _blob(self, repository: str, entry: Entry) -> Path:
        return self._folder(repository) / "blobs" / entry.identity


def _keep(path: Path, content: Mapping[str, Any]) -> None:
    """Write a list, whole or not at all. A cache that cannot be written to keeps nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        unfinished.write_text(json.dumps(content))
        unfinished.replace(path)
    except OSError:
        return
