"""Checkpoints that lie on this machine: what the bytes of their files tell, and which come."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from induction_kernels.checkpoints.files import check_file, unreadable
from induction_kernels.checkpoints.fingerprints import of_files
from induction_kernels.checkpoints.source import Checkpoint
from induction_kernels.checkpoints.whole import is_whole
from induction_kernels.errors import CheckpointError

#: Series of one source may look at its folder at the same time.
_LOOKING = threading.Lock()


class OnDisk:
    """A source whose checkpoints are files or folders in a folder, to which more may come.

    Args:
        pattern: of their names, with the step in a group.
        found: those that are there, by step.
    """

    checkpoints: Sequence[Checkpoint]

    def __init__(
        self, folder: Path, pattern: re.Pattern[str], found: list[tuple[int, Path]]
    ) -> None:
        self._folder, self._pattern = folder, pattern
        self._paths = [path for _, path in found]

    def look(self) -> None:
        """See which came since, as far as they are written to their end: they stand behind those
        that were there, which stay, with their files or without.

        Raises:
            CheckpointError: the folder cannot be read.
        """
        with _LOOKING:
            known = set(self._paths)
            came = [
                (step, path)
                for step, path in by_step(self._folder, self._pattern)
                if path not in known and self._is_whole(path)
            ]
            if came:
                self._paths = [*self._paths, *(path for _, path in came)]
                self.checkpoints = [*self.checkpoints, *self._described(came)]

    def _described(self, came: list[tuple[int, Path]]) -> list[Checkpoint]:
        raise NotImplementedError

    def _is_whole(self, path: Path) -> bool:
        return is_whole(path)

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
        return self.checkpoints[index].step == max(one.step for one in self.checkpoints)

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


def by_step(folder: Path, pattern: re.Pattern[str]) -> list[tuple[int, Path]]:
    """What of this name lies in a folder, in the order of steps.

    Raises:
        CheckpointError: it cannot be read, or two are of one step.
    """
    try:
        named = [(pattern.fullmatch(path.name), path) for path in folder.iterdir()]
    except OSError as error:
        raise unreadable(folder, error) from error
    steps = sorted((int(match[1]), path) for match, path in named if match)
    for (step, path), (following, other) in pairwise(steps):
        if step == following:
            raise CheckpointError(
                f"{path.name} and {other.name} are both step {step}.",
                "Keep one run a folder.",
            )
    return steps
