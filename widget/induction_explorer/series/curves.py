"""Scores and measures along training, as a page gets them: whole to begin with, then row by row.

The state holds whole arrays as far as there is room: that is what a saved notebook has, and what a
page begins with. While they are computed, each row is told once. What the state has no room for is
asked for, row by row as well.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from induction_kernels.errors import SelectionError
from induction_kernels.losses.measure import MEASURES
from induction_kernels.names import legible
from msgspec import Struct

from induction_explorer.channel.wire import (
    MAX_MESSAGE,
    envelope,
    envelope_unless_unknown,
    header,
    reply_messages,
)
from induction_explorer.contract import Index
from induction_explorer.series.derived import Findings
from induction_explorer.series.known import Known
from induction_explorer.series.several import infos, one_of

#: Bytes of scores in the state, which has to fit one message.
GRIDS = 256 << 10
#: Bytes in it for the prompt and what else a widget says of itself.
REST = 96 << 10
#: Seconds between two messages of rows: more often than a reader can see is of no use.
TELL_EVERY = 0.2

Kind = Literal["grids", "measures"]
KINDS: tuple[Kind, ...] = ("grids", "measures")

Part = tuple[dict[str, Any], dict[str, np.ndarray]]


class Rows(Struct):
    """A request for rows of an array that the state has no room for."""

    series: Index
    of: Kind
    name: str
    checkpoints: tuple[Index, ...]


class Curves:
    """Scores ("grids") and measures of some series, and which rows of them the page was told.

    Args:
        taken: bytes that others need in the state.

    Attributes:
        first: the score that has room before all others.
        number: of the last message of rows.
    """

    def __init__(
        self, sessions: Sequence[Known], findings: Findings, first: str, taken: int
    ) -> None:
        self._sessions = sessions
        self._findings = findings
        self._told: dict[tuple[Kind, int], set[tuple[int, int]]] = {
            (kind, number): set() for kind in KINDS for number in range(len(sessions))
        }
        self._told_at = dict.fromkeys(KINDS, 0.0)
        self._room = {"grids": GRIDS, "measures": MAX_MESSAGE - GRIDS - REST - taken}
        self.first = first
        self.number = 0

    def scores(self) -> dict[str, Any]:
        """The traits that hold the scores, as they are now."""
        return {
            "_series": infos(self._sessions),
            "_grids": self._whole("grids"),
            "_told": self.number,
        }

    def measures(self) -> dict[str, Any]:
        """The traits that hold the measures, as they are now."""
        return {
            "_measures": self._whole("measures"),
            "_measured_on": self.measured_on(),
            "_told": self.number,
        }

    def everything(self) -> dict[str, Any]:
        """Both traits with all data, however large."""
        return {
            f"_{of}": {key: envelope(array) for key, array in self._arrays(of).items()}
            for of in KINDS
        }

    def measured_on(self) -> list[str]:
        """What is measured of each series, or why it is not."""
        return [legible(session.measured.on) for session in self._sessions]

    def _whole(self, of: Kind) -> dict[str, dict[str, Any]]:
        """Envelopes by "series/name"; without data where there is no room for it."""
        arrays = self._arrays(of)
        fitting = self._fitting(of, arrays)
        return {
            key: envelope_unless_unknown(array) if key in fitting else header(array)
            for key, array in arrays.items()
        }

    def renumber(self, session: Known) -> None:
        """The traits are about to say what is known of its checkpoints, by the numbers that they
        have now."""
        for number, one in enumerate(self._sessions):
            if one is session:
                for kind in KINDS:
                    known = {(i, _known(one, kind, i)) for i in range(len(one.series))}
                    self._told[kind, number] = known

    def are_all_in(self, measures: Mapping[str, Any]) -> bool:
        """Whether there is no measure that these do not name; there are none before the first."""
        return self._arrays("measures").keys() == measures.keys()

    def news(self, of: Kind) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
        """Messages with the rows of what is in the state that have come to be known; none so
        shortly after others."""
        now = time.monotonic()
        if now < self._told_at[of] + TELL_EVERY:
            return
        self._told_at[of] = now
        arrays = self._arrays(of)
        fitting = self._fitting(of, arrays)
        for number, session in enumerate(self._sessions):
            told = self._told[of, number]
            known = [(i, _known(session, of, i)) for i in range(len(session.series))]
            more = [(i, count) for i, count in known if count and (i, count) not in told]
            new = [i for i, _ in more]
            if not new:
                continue
            told.update(more)
            self.number += 1
            body = {
                "number": self.number,
                "series": number,
                "of": of,
                "checkpoints": new,
                "faults": {str(i): legible(session.faults[i]) for i in new if i in session.faults},
            }
            rows = {
                name: array[new]
                for name, array in _arrays_of(session, of).items()
                if f"{number}/{name}" in fitting
            }
            yield from reply_messages("rows", body, rows, done=True)

    def rows(self, asked: Rows) -> Part:
        """Those that are known of the ones asked for.

        Raises:
            SelectionError: an array or a checkpoint that does not exist.
        """
        session = one_of(self._sessions, asked.series)
        array = self._arrays(asked.of).get(f"{asked.series}/{asked.name}")
        if array is None:
            raise SelectionError(
                f"There is no {asked.name!r} among the {asked.of} of {session.name}."
            )
        session.check_checkpoints(asked.checkpoints)
        known = [i for i in asked.checkpoints if _knows(session, asked, i)]
        return {"checkpoints": known}, {"rows": array[known]}

    def _arrays(self, of: Kind) -> dict[str, np.ndarray]:
        arrays = {
            f"{number}/{name}": array
            for number, session in enumerate(self._sessions)
            for name, array in _arrays_of(session, of).items()
        }
        if of == "grids":
            return arrays
        positions = {
            f"{number}/positions": session.measured.positions.astype(np.float32)
            for number, session in enumerate(self._sessions)
        }
        return arrays | positions | self._findings.components

    def _fitting(self, of: Kind, arrays: Mapping[str, np.ndarray]) -> set[str]:
        """What there is room for: the first score of every series, then what is small."""
        room = self._room[of]
        fitting: set[str] = set()
        chosen = {f"{number}/{self.first}" for number in range(len(self._sessions))}
        for key in sorted(arrays, key=lambda key: (key not in chosen, arrays[key].nbytes)):
            if arrays[key].nbytes <= room:
                room -= arrays[key].nbytes
                fitting.add(key)
        return fitting


def _arrays_of(session: Known, of: Kind) -> dict[str, np.ndarray]:
    """[checkpoint, ...] by name; losses of single rows are no use to a page."""
    if of == "grids":
        return session.grids
    return {k: v for k, v in session.measured.arrays.items() if MEASURES[k].per != "row"}


def _known(session: Known, of: Kind, checkpoint: int) -> int:
    """How many of its scores or measures are known there; 0 before all of ours are."""
    if of == "measures":
        return int(session.measured.knows(checkpoint))
    if not session.is_scored(checkpoint):
        return 0
    return sum(session.knows(checkpoint, name) for name in session.grids)


def _knows(session: Known, asked: Rows, checkpoint: int) -> bool:
    if asked.of == "measures":
        return session.measured.knows(checkpoint)
    return session.knows(checkpoint, asked.name)
