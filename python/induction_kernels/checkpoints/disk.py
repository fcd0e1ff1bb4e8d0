"""What is told of checkpoints that lie on this machine, by the bytes of their files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from induction_kernels.checkpoints.files import check_file, unreadable
from induction_kernels.checkpoints.fingerprints import of_files
from induction_kernels.checkpoints.source import Checkpoint


class OnDisk:
    """A source whose checkpoints are files."""

    checkpoints: Sequence[Checkpoint]

    def paths(self, index: int) -> list[Path]:
        """The files that a checkpoint's weights are in."""
        raise NotImplementedError

    def fingerprint(self, index: int) -> int:
        return of_files(self.paths(index))

    def hashes(self, index: int) -> Mapping[str, str]:
        return {path.name: _sha256(path) for path in self.paths(index)}

    def final_hashes(self) -> Mapping[str, str]:
        return {}

    def ends(self, index: int) -> bool:
        return index == len(self.checkpoints) - 1

    def still(self) -> bool:
        return False

    def billions(self, index: int) -> int | None:
        return None


def _sha256(path: Path) -> str:
    check_file(path)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error
